import { expect, it } from "vitest";
import { html, trusted } from "./markup.ts";

it("escapes strings and joins markup", () => {
  const name = `<b> & "c" 'd'`;
  expect(html`<p title="${name}">${name}</p>`.text).toBe(
    `<p title="&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;">&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;</p>`,
  );
  expect(html`<b>${["<", 2].map((each) => html`<i>${each}</i>`)}</b>${undefined}${trusted("<hr>")}`.text).toBe(
    "<b><i>&lt;</i><i>2</i></b><hr>",
  );
});
