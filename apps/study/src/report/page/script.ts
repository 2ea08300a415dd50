/**
 * The script of a report, for browsers: boxes with the numbers of what is pointed at, and tables that are sorted by a column. It is text, since it
 * stands in the page. Without it the page has all of its content, and the browser's own tooltips.
 */
export const SCRIPT: string = `
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  // The browser would show its own box over this one.
  for (const title of document.querySelectorAll("svg.plot title")) {
    title.parentElement.setAttribute("data-tip", title.textContent);
    title.remove();
  }
  // Of the mark nearest to the pointer, since marks are small and fingers are not, and of those that lie over it.
  const tipsAt = (svg, x, y) => {
    const marks = [...svg.querySelectorAll("[data-tip]")].map((mark) => {
      const box = mark.getBoundingClientRect();
      const dx = Math.max(box.left - x, 0, x - box.right), dy = Math.max(box.top - y, 0, y - box.bottom);
      return { far: Math.hypot(dx, dy), tip: mark.getAttribute("data-tip") };
    });
    const least = Math.min(...marks.map((mark) => mark.far));
    return least < 24 ? marks.filter((mark) => mark.far <= least + 1).slice(0, 6).map((mark) => mark.tip) : [];
  };
  const show = (event) => {
    const svg = event.target instanceof Element ? event.target.closest("svg.plot") : null;
    const tips = svg ? tipsAt(svg, event.clientX, event.clientY) : [];
    tip.hidden = tips.length === 0;
    tip.textContent = tips.join("\\n");
    const width = document.documentElement.clientWidth;
    const left = Math.min(event.clientX + 14, width - tip.offsetWidth - 6);
    tip.style.left = Math.max(6, left) + scrollX + "px";
    tip.style.top = event.clientY + scrollY + 16 + "px";
  };
  document.addEventListener("pointermove", show, { passive: true });
  document.addEventListener("pointerdown", show, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
  document.documentElement.addEventListener("pointerleave", () => { tip.hidden = true; });

  const valueOf = (row, column) => {
    const cell = row.children[column];
    if (!cell || cell.hasAttribute("colspan")) return undefined;
    const value = cell.getAttribute("data-value");
    return value === null ? cell.textContent.trim() : value === "" ? undefined : Number(value);
  };
  const compare = (a, b) => typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.querySelectorAll("thead th")];
    const status = table.closest("section").querySelector("[role=status]");
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        for (const other of heads) other.setAttribute("aria-sort", other === head ? order : "none");
        const body = table.querySelector("tbody");
        const sign = order === "ascending" ? 1 : -1;
        const rows = [...body.querySelectorAll("tr")].map((row) => [row, valueOf(row, column)]);
        // Rows without a number come last in both orders.
        rows.sort(([, a], [, b]) => a === undefined || b === undefined ? (a === undefined) - (b === undefined) : sign * compare(a, b));
        body.append(...rows.map(([row]) => row));
        if (status) status.textContent = "Sorted by " + head.textContent.trim() + ", " + order + ".";
      });
    });
  }
})();
`;
