/** The site of the documents: what it is made of, and what it refuses, with file and line. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildSite, type Site, SiteError } from "./site.ts";

const LAYOUT = {
  template: "{{{body}}}|{{#each contents}}{{anchor}} {{/each}}|{{#if after}}{{after.href}}{{/if}}",
  style: "",
  search: "",
};
const THERE = new Map([
  ["docs/screenshots/a.png", "file"],
  ["rules/baseline", "folder"],
  ["LICENSE", "file"],
] as const);

/** A site of a first page and of others, by their paths. */
function site(first: string, others: Readonly<Record<string, string>> = {}): Site {
  const sources = Object.entries({ "README.md": first, ...others }).map(([path, text]) => ({ path, text }));
  const sections = [{ title: "All", pages: sources.map(({ path }) => path) }];
  return buildSite(sections, sources, { kindOf: (path) => THERE.get(path as "LICENSE") }, LAYOUT);
}

function problems(first: string, others: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    site(first, others);
    return [];
  } catch (error) {
    if (error instanceof SiteError) return error.problems;
    throw error;
  }
}

describe("the site of the documents", () => {
  it("has pages whose links lead to pages, from each folder and to their headings", () => {
    const { files } = site("# One\n\n[a](docs/b.md#how-it-works) [d](docs/decisions/0001-x.md)\n", {
      "docs/b.md":
        "# Two\n\n## How it works?\n\n## How it *works*\n\n[one](../README.md) [README.md](../README.md) [it](#how-it-works-1)\n",
      "docs/decisions/0001-x.md": "# 1. X\n\n[two](../b.md)\n",
    });
    assert.match(
      files.get("index.html") ?? "",
      /href="b\.html#how-it-works".*href="decisions\/0001-x\.html".*\|b\.html$/s,
    );
    assert.match(
      files.get("b.html") ?? "",
      /href="index\.html">one<.*>One<.*href="b\.html#how-it-works-1".*\|how-it-works how-it-works-1 \|/s,
    );
    assert.match(files.get("decisions/0001-x.html") ?? "", /href="\.\.\/b\.html"/);
  });

  it("shows pictures, and names files of the repository without a link", () => {
    const { files, pictures } = site(
      "# One\n\n![what it shows](docs/screenshots/a.png) [rules](rules/baseline) [`LICENSE`](LICENSE)\n",
    );
    assert.deepEqual([...pictures], [["screenshots/a.png", "docs/screenshots/a.png"]]);
    const html = files.get("index.html") ?? "";
    assert.match(html, /src="screenshots\/a\.png"/);
    assert.match(html, /<span class="file">rules \(<code>rules\/baseline<\/code>\)<\/span>/);
    assert.match(html, /<span class="file"><code>LICENSE<\/code><\/span>/);
  });

  it("shows no comments, and text of code as it is", () => {
    const { files } = site("# One\n\n<!-- not run: x -->\n```sh\na <b> && c\n```\n");
    const html = files.get("index.html") ?? "";
    assert.doesNotMatch(html, /not run/);
    assert.match(html, /a &lt;b&gt; &amp;&amp; c/);
  });

  it("is found by its words", () => {
    const { files } = site("# One\n\n## Part\n\nwords `code`\n\n```sh\ntyped\n```\n");
    assert.match(files.get("index.js") ?? "", /\["index\.html#part","One","Part","words code typed "\]/);
  });

  it("refuses what leads nowhere, with file and line", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["# A\n\ntext\n[x](docs/none.md)\n", "README.md:4: docs/none.md leads to nothing: there is no docs/none.md"],
      ["# A\n\n[x](#nowhere)\n", "README.md:3: #nowhere leads to no heading of README.md; there are a"],
      ["# A\n\n![x](none.png)\n", "README.md:3: none.png leads to nothing: there is no none.png"],
      [
        "# A\n\n![](docs/screenshots/a.png)\n",
        "README.md:3: the picture docs/screenshots/a.png has no text for those who do not see it",
      ],
      [
        "# A\n\n![x](https://example.org/a.png)\n",
        "README.md:3: https://example.org/a.png is a picture of another origin; put it into docs/",
      ],
      ["# A\n\n[x](/etc/passwd)\n", "README.md:3: /etc/passwd is not relative"],
      ["# A\n\n[x](../outside.md)\n", "README.md:3: ../outside.md leads to nothing: there is no ../outside.md"],
      [
        "# A\n\n[x](http://example.org)\n",
        "README.md:3: http://example.org is neither https nor within the repository",
      ],
      ["# A\n\nsay <host> here\n", "README.md:3: <host> is HTML; write `<host>`"],
      ["# A\n\n<div>\n", "README.md:3: HTML that is no comment; write Markdown, or `code`"],
      ["# A\n\n    ls\n", "README.md:3: a block by indentation; put it between fences, with its language"],
      ["text\n", 'README.md:1: a page begins with its title, as "# Title"'],
      ["# A\n\n### B\n", 'README.md:3: the heading "B" is of level 3, below one of 1'],
    ];
    for (const [text, problem] of cases) assert.deepEqual(problems(text), [problem]);
  });

  it("refuses a page that no section has, that two have, and one that is not there", () => {
    const sources = ["README.md", "docs/b.md"].map((path) => ({ path, text: "# A\n" }));
    const sections = [{ title: "All", pages: ["README.md", "README.md", "docs/c.md"] }];
    assert.throws(
      () => buildSite(sections, sources, { kindOf: () => undefined }, LAYOUT),
      (error: SiteError) =>
        error.problems.join("\n") ===
        "tools/docs/sections.ts: there is no docs/c.md\nREADME.md:1: two sections have this page\ndocs/b.md:1: no section has this page (tools/docs/sections.ts)",
    );
  });
});
