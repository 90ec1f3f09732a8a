/**
 * Elements and texts of the page. Data of a node only becomes text or the text of an attribute.
 *
 * @module
 */

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

/** Creates an element of a drawing. */
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

/** A section with a heading. */
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
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", { class: "hidden" }, caption),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          ...columns.map((column, i) =>
            element("th", { scope: "col", class: classOf(i) }, column)
          ),
        ),
      ),
      element(
        "tbody",
        {},
        ...rows.map((row) =>
          element(
            "tr",
            {},
            ...row.map((cell, i) => element("td", { class: classOf(i) }, cell)),
          )
        ),
      ),
    ),
  );
}

export function viewLink(
  view: string,
  node: string,
  pid: string | undefined,
  ...contents: PageContent[]
): HTMLAnchorElement {
  return element("a", { href: viewAddress(view, node, pid) }, ...contents);
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
  return viewLink("process", pid.node, pid.id, text ?? pid.text);
}
