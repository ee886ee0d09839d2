// The images about which runs disagree.
"use strict";
report.section("disagreements", (element, data) => {
  report.gallery(element.querySelector(".disagreements"), data.items);
});
