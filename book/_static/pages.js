// A page opened from a file may not read other files: the search shows titles without excerpts.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// Paper is white: the dark theme would print pale letters on it.
{
  const page = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    theme = page.dataset.theme;
    page.dataset.theme = "light";
  });
  addEventListener("afterprint", () => (page.dataset.theme = theme));
}

// A box that scrolls sideways says so.
{
  const mark = () => {
    for (const box of document.querySelectorAll(
      ".bd-article :is(.cell_output pre, .output, .pst-scrollable-table-container, .diagram-box, .katex-display)",
    )) {
      const cut = box.scrollWidth > box.clientWidth + 2;
      box.classList.toggle("scrolls", cut);
      // scrolled by keyboard, too; the theme sees to what it knows
      if (cut && !box.hasAttribute("tabindex")) box.tabIndex = 0;
    }
  };
  addEventListener("load", mark);
  addEventListener("resize", mark);
  // what unfolds has had no width before
  addEventListener("toggle", mark, true);
  // letters of a font that came late are of another width
  document.fonts.addEventListener("loadingdone", mark);
  // and so is a page that a live figure has made longer
  addEventListener("DOMContentLoaded", () =>
    new ResizeObserver(mark).observe(document.querySelector(".bd-article") ?? document.body),
  );
}
