tryIt.facts.denoiser = {"source": "0b2071931956e79dca52717dbf63b431f2049b58172ab30a1f62408645b2e0bf", "noiseFactor": 0.5};
