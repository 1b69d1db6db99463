"""The networks of the book, uncompiled, for assignments, benchmarks and other projects.

The chapters write the same networks out layer by layer; a test compares the two.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers

from aeutils.checks import positive_integer
from aeutils.errors import ModelError
from aeutils.layers import UpsampleConv2D

__all__ = [
    "conv_denoiser",
    "conv_sequence_autoencoder",
    "dense_autoencoder",
    "lstm_autoencoder",
    "multiplications",
    "page_cleaner",
    "reach",
    "residual_denoiser",
    "spectrogram_denoiser",
    "split_at",
]


def __getattr__(name):
    """Give the variational autoencoder, whose own file builds on this one, from here as well."""
    if name == "VariationalAutoencoder":
        from aeutils.vae import VariationalAutoencoder

        return VariationalAutoencoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def dense_autoencoder(latent_dim=10, hidden_layer_sizes=(512, 128), input_dim=784):
    """Feed-forward autoencoder of chapter 2.

    The encoder's hidden layers, a linear bottleneck, the hidden layers in reverse, and a
    sigmoid output; hidden layers use the ``elu`` activation.

    Parameters
    ----------
    latent_dim : int, default 10
        Width of the layer called ``bottleneck``.
    hidden_layer_sizes : sequence of int, default (512, 128)
        Widths of the encoder's hidden layers, from input to bottleneck; may be empty.
    input_dim : int, default 784
        Number of features.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32 in [0, 1], shape (n, `input_dim`).

    Raises
    ------
    ModelError
        If a width is not a positive integer.
    """
    latent_dim = _positive("latent_dim", latent_dim)
    input_dim = _positive("input_dim", input_dim)
    hidden = [
        _positive(f"hidden_layer_sizes[{i}]", width) for i, width in enumerate(hidden_layer_sizes)
    ]
    return keras.Sequential(
        [
            keras.Input(shape=(input_dim,)),
            *[layers.Dense(width, activation="elu") for width in hidden],
            layers.Dense(latent_dim, activation="linear", name="bottleneck"),
            *[layers.Dense(width, activation="elu") for width in reversed(hidden)],
            layers.Dense(input_dim, activation="sigmoid"),
        ],
        name="dense_autoencoder",
    )


def conv_denoiser(image_shape=(28, 28, 1), filters=32, kernel_initializer="he_normal", fused=False):
    """Convolutional denoiser of chapter 3.

    Two convolutions with max-pooling down to a quarter of height and width, the layer called
    ``bottleneck``, and two convolutions with upsampling back.

    Parameters
    ----------
    image_shape : tuple of (int, int, int), default (28, 28, 1)
        Height and width, both multiples of 4, and channels.  Height and width may be None for
        images of any size whose sides are multiples of 4.
    filters : int, default 32
        Number of filters of every convolution but the last.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of those convolutions.  The default suits relu and bears the high
        learning rate of the chapter; ``"glorot_uniform"`` is what Keras, and so the article,
        starts from.
    fused : bool, default False
        Compute each upsampling and the convolution behind it as one layer,
        :class:`aeutils.layers.UpsampleConv2D`: the same function of the same weights, trained in
        less time.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32 in [0, 1], shape (n, height, width, channels).

    Raises
    ------
    ModelError
        If `filters` or a side is not a positive integer, or a side is no multiple of 4.
    """
    image_shape = _image_shape(image_shape)
    channels, filters = image_shape[2], _positive("filters", filters)
    hidden = {"activation": "relu", "kernel_initializer": kernel_initializer}

    def conv(n, **arguments):
        return layers.Conv2D(n, (3, 3), padding="same", **arguments)

    def upsample_conv(n, **arguments):
        if fused:
            return [UpsampleConv2D(n, **arguments)]
        return [layers.UpSampling2D((2, 2)), conv(n, **arguments)]

    return keras.Sequential(
        [
            keras.Input(shape=image_shape),
            conv(filters, **hidden),
            layers.MaxPooling2D((2, 2), padding="same"),
            conv(filters, **hidden),
            layers.MaxPooling2D((2, 2), padding="same", name="bottleneck"),
            conv(filters, **hidden),
            *upsample_conv(filters, **hidden),
            *upsample_conv(channels, activation="sigmoid"),
        ],
        name="conv_denoiser",
    )


def residual_denoiser(
    image_shape=(28, 28, 1),
    filters=(24, 48),
    latent_dim=256,
    blocks=2,
    kernel_initializer="he_normal",
):
    """Better denoiser of chapter 7: residual connections, and small dense autoencoders inside.

    Two convolutions with strides down to a quarter of height and width.  There each block adds two
    corrections to what it gets: one from a dense autoencoder, in which every place sees every
    other, and one from a convolution.  Two transposed convolutions lead back, and what the way
    down had at half the size is added on the way up.  Batch normalization comes before every
    rectifier; without it the same training does not get nearly as far.  Every block has a
    bottleneck of its own, with a way around it, so that :func:`split_at` has no place to split at.

    Parameters
    ----------
    image_shape : tuple of (int, int, int), default (28, 28, 1)
        Height and width, both multiples of 4, and channels.
    filters : tuple of (int, int), default (24, 48)
        Number of filters at half and at a quarter of the size.
    latent_dim : int, default 256
        Width of the dense autoencoders' bottlenecks.
    blocks : int, default 2
        Number of blocks.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights.  Those by which the dense autoencoders add to the whole start at zero.

    Returns
    -------
    keras.Model
        Uncompiled; takes and gives float32 in [0, 1], shape (n, height, width, channels).

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not two, or a side is no multiple of
        4.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016; Ioffe and Szegedy, "Batch
    normalization: accelerating deep network training by reducing internal covariate shift", ICML
    2015; Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
    segmentation", MICCAI 2015.
    """
    image_shape = _image_shape(image_shape)
    if None in image_shape:
        raise ModelError("height and width must be fixed, since dense layers need them.")
    half, quarter = _two_filters(filters)
    latent_dim, blocks = _positive("latent_dim", latent_dim), _positive("blocks", blocks)
    start = {"kernel_initializer": kernel_initializer}

    def conv(n, size=3, strides=1):
        return layers.Conv2D(n, size, strides=strides, padding="same", **start)

    def upward(n):
        return layers.Conv2DTranspose(n, 4, strides=2, padding="same", **start)

    def rectified(x):
        return layers.ReLU()(layers.BatchNormalization()(x))

    noisy = keras.Input(image_shape)
    bridge = rectified(conv(half, 4, strides=2)(noisy))
    x = layers.BatchNormalization()(conv(quarter, 4, strides=2)(bridge))
    for _ in range(blocks):
        code = rectified(layers.Dense(latent_dim, **start)(layers.Flatten()(x)))
        everywhere = layers.Dense(math.prod(x.shape[1:]), kernel_initializer="zeros")(code)
        x = layers.Add()([x, layers.Reshape(x.shape[1:])(everywhere)])
        x = layers.Add()([x, conv(quarter)(rectified(x))])
    x = layers.Add()([bridge, upward(half)(rectified(x))])
    x = rectified(conv(half)(rectified(x)))
    # in float32 also where the rest is not, since the steps of bfloat16 near 1 can be seen
    clean = layers.Activation("sigmoid", dtype="float32")(upward(image_shape[2])(x))
    return keras.Model(noisy, clean, name="residual_denoiser")


def page_cleaner(filters=(8, 16, 32, 32, 32), kernel_initializer="he_normal"):
    """Fully convolutional cleaner of scanned pages of chapter 5.

    A convolution and max-pooling at every level on the way down, two convolutions at the lowest,
    whose output is the layer called ``bottleneck``; on the way up, upsampling and a convolution
    that also sees the maps of the same level on the way down: the bridges of a U-Net.

    Parameters
    ----------
    filters : sequence of int, default (8, 16, 32, 32, 32)
        Number of filters at each level, from full size downwards; every level halves height and
        width.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of all convolutions but the last.

    Returns
    -------
    keras.Model
        Uncompiled; takes and gives **ink**, float32 from 0 (paper) to 1 (ink), shape (n, height,
        width, 1), sides multiples of ``2 ** (len(filters) - 1)``.
        :func:`aeutils.cleaning.clean_page` takes pages of any size.

    Raises
    ------
    ModelError
        If a number of filters is not a positive integer, or there are fewer than two levels.

    References
    ----------
    Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
    segmentation", MICCAI 2015.
    """
    filters = [_positive(f"filters[{i}]", n) for i, n in enumerate(filters)]
    if len(filters) < 2:
        raise ModelError(f"filters must name at least two levels, not {len(filters)}.")

    def conv(n, **name):
        return layers.Conv2D(
            n,
            (3, 3),
            activation="relu",
            padding="same",
            kernel_initializer=kernel_initializer,
            **name,
        )

    x = inputs = keras.Input((None, None, 1))
    bridges = []
    for n in filters[:-1]:
        bridges.append(conv(n)(x))
        x = layers.MaxPooling2D((2, 2))(bridges[-1])
    x = conv(filters[-1])(x)
    x = conv(filters[-1], name="bottleneck")(x)
    for n, bridge in zip(reversed(filters[:-1]), reversed(bridges), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D((2, 2))(x), bridge])
        x = conv(n)(x)
    outputs = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    return keras.Model(inputs, outputs, name="page_cleaner")


def reach(model):
    """How far a pixel of the answer looks around itself in the input.

    Parameters
    ----------
    model : keras.Model
        Made of convolutions with odd kernels, max-pooling, upsampling (apart or in one with the
        convolution) and concatenation, as :func:`conv_denoiser` and :func:`page_cleaner` are.

    Returns
    -------
    pixels : int
        No pixel of the input farther away than this, up, down or sideways, has any influence.
    multiple : int
        What height and width of the input must be multiples of.

    Raises
    ------
    ModelError
        If there is another kind of layer, such as a dense one, which looks everywhere.
    """
    pixels, stride, multiple = 0, 1, 1
    for layer in model.layers:
        if isinstance(layer, UpsampleConv2D):
            stride //= 2
        if isinstance(layer, layers.Conv2D) and set(layer.strides) == {1}:
            pixels += stride * max(
                n // 2 * d for n, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)
            )
        elif isinstance(layer, layers.MaxPooling2D) and layer.strides == layer.pool_size:
            # a pooled value stands for a block, of which any pixel may ask
            pixels += stride * (max(layer.pool_size) - 1)
            stride *= max(layer.pool_size)
            multiple = max(multiple, stride)
        elif isinstance(layer, layers.UpSampling2D):
            stride //= max(layer.size)
        elif not isinstance(layer, layers.InputLayer | layers.Concatenate):
            raise ModelError(
                f"the layer {layer.name!r} ({type(layer).__name__}) is none whose reach is known; "
                "use convolutions without strides, max-pooling and upsampling."
            )
    return pixels, multiple


def spectrogram_denoiser(n_bins=128, filters=(16, 32, 64), kernel_initializer="he_normal"):
    """Convolutional autoencoder on the short-time spectrum of chapter 6.

    Three convolutions with strides down to an eighth of the frequencies and a quarter of the
    frames, the layer called ``bottleneck``, and three convolutions with upsampling back, each of
    which also sees what the way down had at its size.  The last gives a factor between 0 and 1
    for every frequency of every frame, and the input is multiplied by it.

    Parameters
    ----------
    n_bins : int, default 128
        Number of frequencies, a multiple of 8.
    filters : tuple of (int, int, int), default (16, 32, 64)
        Number of filters of the three convolutions down; upwards they are reversed.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of all convolutions but the last.

    Returns
    -------
    keras.Model
        Uncompiled; takes and gives compressed magnitudes as :func:`aeutils.audio.compress` makes
        them, float32, shape (n, frames, `n_bins`, 1), the number of frames a multiple of 4.

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not three, or `n_bins` is no multiple
        of 8.
    """
    if len(filters) != 3:
        raise ModelError(f"filters must be three numbers, not {filters!r}.")
    first, second, third = (_positive(f"filters[{i}]", n) for i, n in enumerate(filters))
    if _positive("n_bins", n_bins) % 8:
        raise ModelError(f"n_bins must be a multiple of 8, not {n_bins}.")

    def conv(n, size, strides=(1, 1), **name):
        return layers.Conv2D(
            n,
            size,
            strides=strides,
            activation="relu",
            padding="same",
            kernel_initializer=kernel_initializer,
            **name,
        )

    noisy = keras.Input(shape=(None, n_bins, 1))
    down_1 = conv(first, (3, 5), (1, 2))(noisy)
    down_2 = conv(second, (3, 5), (2, 2))(down_1)
    down_3 = conv(third, (3, 5), (2, 2))(down_2)
    bottleneck = conv(third, (3, 3), name="bottleneck")(down_3)
    up_2 = layers.UpSampling2D((2, 2))(bottleneck)
    up_2 = conv(second, (3, 3))(layers.Concatenate()([up_2, down_2]))
    up_1 = layers.UpSampling2D((2, 2))(up_2)
    up_1 = conv(first, (3, 3))(layers.Concatenate()([up_1, down_1]))
    up_0 = layers.UpSampling2D((1, 2))(up_1)
    up_0 = layers.Concatenate()([up_0, noisy])
    share = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(up_0)
    clean = layers.Multiply()([noisy, share])
    return keras.Model(noisy, clean, name="spectrogram_denoiser")


def lstm_autoencoder(width=96, n_channels=1, units=16, patch=4, unroll=True):
    """LSTM autoencoder for windows of recordings, of chapter 8.

    An LSTM reads the window from its end to its beginning; its last state, the layer called
    ``bottleneck``, is all that the decoder gets, once for every step.  A second LSTM makes a
    sequence of it again, and a dense layer turns each of its states into samples.  Since the
    encoder reads backwards, what it read last is what the decoder has to say first, which is
    easier to learn.

    Parameters
    ----------
    width : int, default 96
        Number of time steps of a window, a multiple of `patch`.
    n_channels : int, default 1
        Number of values a step.
    units : int, default 16
        Width of both LSTMs, and so of the bottleneck.
    patch : int, default 4
        Time steps that the LSTMs take in one go, as one longer vector.  The work of an LSTM comes
        one step after the other, so that a patch of 4 makes it about 4 times as fast.
    unroll : bool, default True
        Whether Keras writes the loop over the steps out, which is faster on a processor for up to
        some fifty steps.  False for longer windows, and for the fast kernels of a GPU.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32, shape (n, `width`, `n_channels`), of any range, best
        with mean 0 and standard deviation 1.

    Raises
    ------
    ModelError
        If a number is not a positive integer, or `width` is no multiple of `patch`.

    References
    ----------
    Malhotra et al., "LSTM-based encoder-decoder for multi-sensor anomaly detection", 2016,
    arXiv:1607.00148, which reverses the output instead; Sutskever, Vinyals and Le, "Sequence to
    sequence learning with neural networks", NeurIPS 2014.
    """
    width, n_channels = _positive("width", width), _positive("n_channels", n_channels)
    units, patch = _positive("units", units), _positive("patch", patch)
    if width % patch:
        raise ModelError(
            f"width {width} is no multiple of patch {patch}; use windows of "
            f"{width + patch - width % patch} steps, or another patch."
        )
    steps, values = width // patch, patch * n_channels
    return keras.Sequential(
        [
            keras.Input(shape=(width, n_channels)),
            layers.Reshape((steps, values)),
            layers.LSTM(units, go_backwards=True, unroll=unroll, name="bottleneck"),
            layers.RepeatVector(steps),
            layers.LSTM(units, return_sequences=True, unroll=unroll),
            layers.Dense(values),  # on the last axis, so the same at every step
            layers.Reshape((width, n_channels)),
        ],
        name="lstm_autoencoder",
    )


def conv_sequence_autoencoder(width=96, n_channels=1, filters=(4, 4), latent_dim=16):
    """Convolutional autoencoder for windows of recordings, of chapter 8.

    Two convolutions with strides down to a quarter of the steps, the layer called ``bottleneck``,
    and two transposed convolutions back.  With the defaults it has about as many weights as
    :func:`lstm_autoencoder`, and as wide a bottleneck.

    Parameters
    ----------
    width : int, default 96
        Number of time steps of a window, a multiple of 4.
    n_channels : int, default 1
        Number of values a step.
    filters : tuple of (int, int), default (4, 4)
        Number of filters at half and at a quarter of the length.
    latent_dim : int, default 16
        Width of the bottleneck.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32, shape (n, `width`, `n_channels`), of any range, best
        with mean 0 and standard deviation 1.

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not two, or `width` is no multiple of
        4.
    """
    width, n_channels = _positive("width", width), _positive("n_channels", n_channels)
    latent_dim = _positive("latent_dim", latent_dim)
    half, quarter = _two_filters(filters)
    if width % 4:
        raise ModelError(f"width {width} is no multiple of 4; use {width + 4 - width % 4}.")
    kind = {"padding": "same", "strides": 2}
    return keras.Sequential(
        [
            keras.Input(shape=(width, n_channels)),
            layers.Conv1D(half, 7, activation="relu", **kind),
            layers.Conv1D(quarter, 7, activation="relu", **kind),
            layers.Flatten(),
            layers.Dense(latent_dim, name="bottleneck"),
            layers.Dense(width // 4 * quarter, activation="relu"),
            layers.Reshape((width // 4, quarter)),
            layers.Conv1DTranspose(half, 7, activation="relu", **kind),
            layers.Conv1DTranspose(n_channels, 7, **kind),
        ],
        name="conv_sequence_autoencoder",
    )


def multiplications(model):
    """Count the multiplications by weights that a network needs for one image.

    Parameters
    ----------
    model : keras.Model
        Built for images of a fixed size, of layers as in this module.

    Returns
    -------
    int
        Of the dense and convolutional layers and of batch normalization; what layers without
        weights do counts for little beside it.

    Raises
    ------
    ModelError
        If the size of the images is not fixed, or a layer has weights and is of another kind.
    """
    return sum(_multiplications(layer) for layer in model.layers)


def _multiplications(layer):
    """Return the multiplications of one layer, or of a model in the place of a layer."""
    if isinstance(layer, keras.Model):
        return multiplications(layer)
    if isinstance(layer, layers.BatchNormalization):
        # in use it is one factor and one summand for each value
        places, weights = layer.output.shape[1:], ()
    elif isinstance(layer, layers.Dense | layers.Conv2D | layers.Conv2DTranspose):
        # a transposed convolution uses every weight once for each place of its input
        spreads = isinstance(layer, layers.Conv2DTranspose | UpsampleConv2D)
        places = (layer.input if spreads else layer.output).shape[1:-1]
        weights = layer.kernel.shape
    elif layer.trainable_weights:
        raise ModelError(
            f"the layer {layer.name!r} ({type(layer).__name__}) is none whose multiplications "
            "are known; use dense layers, convolutions and batch normalization."
        )
    else:
        return 0
    if None in places:
        raise ModelError("multiplications are counted for images of a fixed size.")
    if isinstance(layer, UpsampleConv2D):
        weights = (4, 4, *weights[2:])  # those of its merged kernel
    return math.prod(places) * math.prod(weights)


def split_at(model, layer_name="bottleneck"):
    """Split an autoencoder into its encoder and its decoder.

    Both share the layers, and so the weights, of the whole: train the whole, use the parts.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, with every path from input to output through one layer.
    layer_name : str, default "bottleneck"
        The layer whose output is the latent code.

    Returns
    -------
    encoder, decoder : keras.Model
        ``decoder(encoder(x))`` equals ``model(x)``.

    Raises
    ------
    ModelError
        If there is no such layer, it is the last, the model has not been built, or a connection
        leads around the layer, so that the decoder would need more than the latent code.
    """
    names = [layer.name for layer in getattr(model, "layers", [])]
    if layer_name not in names:
        raise ModelError(f"there is no layer {layer_name!r}; the layers are {', '.join(names)}.")
    if not getattr(model, "inputs", None):
        raise ModelError("the model has no input shape yet; call it once, or add keras.Input.")
    if layer_name == names[-1]:
        raise ModelError(f"{layer_name!r} is the last layer: nothing is left for a decoder.")
    # Keras warns where an array is given to a model that was built from a list of one input
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    latent, outputs = model.get_layer(layer_name).output, model.outputs
    if isinstance(model, keras.Sequential):
        # one that was loaded, or grew by add(), has several outputs a layer, of which only the
        # last lead to the model's: go through the layers once more
        outputs = inputs
        for layer in model.layers:
            outputs = layer(outputs)
            if layer.name == layer_name:
                latent = outputs
    encoder = keras.Model(inputs, latent, name="encoder")
    try:
        decoder = keras.Model(latent, outputs, name="decoder")
    except ValueError as error:
        raise ModelError(
            f"a connection leads around {layer_name!r}, so that its output alone does not "
            "determine the reconstruction; split at a layer that every path goes through."
        ) from error
    return encoder, decoder


def _image_shape(image_shape):
    """Return a shape whose sides two halvings divide, as Keras takes it, or raise."""
    if not isinstance(image_shape, Sequence) or len(image_shape) != 3:
        raise ModelError(f"image_shape must be (height, width, channels), not {image_shape!r}.")
    height, width, channels = image_shape
    for name, side in (("height", height), ("width", width)):
        if side is not None and _positive(name, side) % 4:
            raise ModelError(
                f"{name} {side} is no multiple of 4, so that two halvings and two doublings "
                f"would not return to it; pad the images to {side + 4 - side % 4}."
            )
    return (height, width, _positive("channels", channels))


def _two_filters(filters):
    """Return the numbers of filters at half and at a quarter of the size, or raise."""
    if not isinstance(filters, Sequence) or len(filters) != 2:
        raise ModelError(f"filters must be two numbers, not {filters!r}.")
    return [_positive(f"filters[{i}]", n) for i, n in enumerate(filters)]


def _positive(name, number):
    """Return a positive integer as Keras takes it, or raise."""
    return positive_integer(name, number, ModelError)
