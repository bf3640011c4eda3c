import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Markdown } from "./Markdown";

const ORIGIN = "https://millwright.example";

function html(text: string): string {
  return renderToStaticMarkup(createElement(Markdown, { text, renderCitation: (number) => `<${number}>` }));
}

describe("an answer's links and pictures", () => {
  beforeAll(() => void vi.stubGlobal("location", { origin: ORIGIN }));
  afterAll(() => void vi.unstubAllGlobals());

  it("never fetches a picture: its description and its host are text", () => {
    const out = html("![chart](https://evil.example/p.png?secret=1)");
    expect(out).not.toMatch(/<img|src=|href=|secret/);
    expect(out).toContain("chart");
    expect(out).toContain("evil.example");
    expect(html("![](data:image/png;base64,AAAA)")).not.toMatch(/<img|base64/);
    expect(html('<img src="https://evil.example/p.png">')).not.toMatch(/<img/);
  });

  it("shows a link to another host as text with the host, and follows none", () => {
    for (const link of [
      "[terms](https://evil.example/x?q=secret)",
      "[terms](//evil.example/x)",
      "[terms](/\\evil.example/x)",
      "[terms](https://millwright.example@evil.example/x)",
      "[terms](https://millwright.example.evil.example/x)",
      "[terms][1]\n\n[1]: https://evil.example/x",
    ]) {
      const out = html(link);
      expect(out, link).not.toMatch(/<a |href=/);
      expect(out, link).toContain("terms");
      expect(out, link).toContain("evil.example");
    }
  });

  it("shows a bare address once", () => {
    expect(html("see https://evil.example/x now").match(/evil\.example/g)).toHaveLength(1);
    expect(html("see https://evil.example/x now")).not.toMatch(/<a |href=/);
  });

  it("says where a link leads that claims another host", () => {
    const out = html("[https://millwright.example/](https://evil.example/x)");
    expect(out).not.toMatch(/<a |href=/);
    expect(out).toContain("(evil.example)");
  });

  it("runs no script address, and shows mail addresses as text", () => {
    expect(html("[x](javascript:alert(1))")).not.toMatch(/<a |href=|javascript/);
    expect(html("[x](data:text/html,hi)")).not.toMatch(/<a |href=/);
    const mail = html("[write](mailto:a@evil.example?body=secret)");
    expect(mail).not.toMatch(/<a |href=|secret/);
    expect(mail).toContain("a@evil.example");
  });

  it("keeps links within this site, and citations", () => {
    expect(html("[the manual](/documents/doc_1)")).toContain('href="/documents/doc_1"');
    expect(html("[the manual](https://millwright.example/documents/doc_1)")).toContain('href="/documents/doc_1"');
    expect(html("25 Nm [1].")).toContain("&lt;1&gt;");
  });
});
