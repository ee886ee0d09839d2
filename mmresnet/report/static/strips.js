// A click on a picture of a row enlarges it.
"use strict";
for (const image of document.querySelectorAll(".strip img")) {
  image.addEventListener("click", () => {
    const lines = [...image.parentElement.querySelectorAll("figcaption span")];
    report.enlarge({
      picture: image.dataset.picture,
      title: image.alt,
      lines: lines.map((line) => line.textContent),
    });
  });
}
