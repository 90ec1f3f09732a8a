/** Elements and texts of the page. Data of a node only becomes text or the text of an attribute. */

/** The content of an element; `undefined` and `false` are left out. */
export type PageContent = Node | string | undefined | false;

/** The attributes of an element, and the functions that handle its events. */
export type Attributes = Record<
  string,
  string | number | boolean | undefined | ((event: Event) => void)
>;

function fill(
  made: Element,
  attributes: Attributes,
  contents: readonly PageContent[],
): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== false) {
      made.setAttribute(name, String(value));
    }
  }
  for (const content of contents) {
    if (content !== undefined && content !== false) made.append(content);
  }
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...contents: PageContent[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  fill(made, attributes, contents);
  return made;
}

export function drawn(
  tag: string,
  attributes: Attributes = {},
  ...contents: PageContent[]
): SVGElement {
  const made = document.createElementNS(
    "http://www.w3.org/2000/svg",
    tag,
  ) as SVGElement;
  fill(made, attributes, contents);
  return made;
}

/** Sets a text if it differs: an unchanged text does not interrupt a screen reader. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function card(title: string, ...contents: PageContent[]): HTMLElement {
  return element(
    "section",
    { class: "card" },
    element("h2", {}, title),
    ...contents,
  );
}

/** A table with a caption that only screen readers see. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly PageContent[])[],
  numeric: readonly number[] = [],
): HTMLElement {
  const classOf = (i: number) => numeric.includes(i) ? "number" : undefined;
  const heads = columns.map((column, i) =>
    element("th", { scope: "col", class: classOf(i) }, column)
  );
  const lines = rows.map((row) =>
    element(
      "tr",
      {},
      ...row.map((cell, i) => element("td", { class: classOf(i) }, cell)),
    )
  );
  return scrollable(
    caption,
    element(
      "table",
      {},
      element("caption", { class: "hidden" }, caption),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...lines),
    ),
  );
}

/** A region that scrolls, also by the keyboard. */
export function scrollable(
  label: string,
  content: PageContent,
  kind = "scroll",
): HTMLElement {
  return element(
    "div",
    { class: kind, tabindex: 0, role: "region", "aria-label": label },
    content,
  );
}

/** A card with a table, or with other content if the table has no rows. */
export function tableCard(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly PageContent[])[],
  { numeric, caption = title, empty = element("p", {}, "none") }: {
    numeric?: readonly number[];
    caption?: string;
    empty?: PageContent;
  } = {},
): HTMLElement {
  return card(
    title,
    rows.length === 0 ? empty : table(caption, columns, rows, numeric),
  );
}

/** A list of names with their contents. */
export function factList(
  kind: string,
  facts: readonly (readonly [name: string, content: PageContent])[],
): HTMLElement {
  const items = facts.map(([name, content]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, content))
  );
  return element("dl", { class: kind }, ...items);
}

/** A list in one line. */
export function inlineList(items: readonly PageContent[]): HTMLElement {
  return element(
    "ul",
    { class: "inline" },
    ...items.map((item) => element("li", {}, item)),
  );
}

/** A link to a view of a node, with the name of the node. */
export function nodeLink(view: string, node: string): HTMLAnchorElement {
  return element("a", { href: viewAddress(view, node) }, node);
}

export function viewAddress(view: string, node: string, pid?: string): string {
  const parts = pid === undefined ? [view, node] : [view, node, pid];
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** A link to a process, or its text if it has no pid. */
export function processLink(
  pid: { id: string; text: string; node: string } | undefined,
  text?: string,
): HTMLElement {
  if (pid === undefined) return element("span", {}, text ?? "none");
  const href = viewAddress("process", pid.node, pid.id);
  return element("a", { href }, text ?? pid.text);
}
