// Draws the report's charts in the reader's colours and saves charts and records. Loads nothing.
"use strict";

(() => {
  const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
  const drawings = [...document.querySelectorAll(".drawing")];
  const figures = parsed("figures");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const printing = window.matchMedia("print");

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const [text, line, card] = ["--text", "--line", "--card"].map((name) => style.getPropertyValue(name).trim());
    return { text, line, card };
  }

  // With the figure's own settings kept: only what Streamlit's theme gives the same charts in the dashboard
  function themed(layout) {
    const { text, line, card } = colours();
    const narrow = window.innerWidth < 560;
    const made = {
      ...layout,
      font: { ...layout.font, color: text, size: narrow ? 11 : 13, family: getComputedStyle(document.body).fontFamily },
      paper_bgcolor: card,
      plot_bgcolor: card,
      hoverlabel: { ...layout.hoverlabel, bgcolor: card, bordercolor: line, font: { color: text } },
    };
    for (const name of Object.keys(made).filter((key) => /^[xy]axis\d*$/.test(key))) {
      const title = { ...made[name].title, font: { size: narrow ? 11 : 13 } };
      made[name] = { ...made[name], title, gridcolor: line, zerolinecolor: line, linecolor: line };
    }
    return made;
  }

  function draw() {
    drawings.forEach((place, index) => {
      const { data, layout } = figures[index];
      Plotly.react(place, data, themed(layout), { displayModeBar: false, responsive: true });
    });
  }

  function save(url, name) {
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = name;
    anchor.click();
  }

  draw();
  dark.addEventListener("change", draw);
  printing.addEventListener("change", draw);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { picture, chart, file } = button.dataset;
    if (picture) {
      const place = document.getElementById(chart);
      Plotly.toImage(place, {
        format: picture,
        width: place.clientWidth,
        height: place.clientHeight,
        scale: picture === "png" ? 2 : 1,
      }).then((url) => save(url, `${file}.${picture}`));
    } else if (file) {
      const text = document.getElementById("records").textContent;
      const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      save(url, file);
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }
  });
})();
