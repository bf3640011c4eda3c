import { marked, type Token, type Tokens } from "marked";
import { Fragment, memo, useMemo, type ReactNode } from "react";
import { destinationOf } from "@/lib/hosts";
import { splitCitations } from "./model/citations";

/** Shows a `[n]` marker. */
export type CitationRenderer = (number: number, key: string) => ReactNode;

interface MarkdownProps {
  text: string;
  renderCitation: CitationRenderer;
}

/** Renders an answer. The parser's tokens become elements one by one, so nothing in the text can become markup of its own: HTML
 *  is shown as text and pictures as their description. A model may be made to write an address that carries what it has read, so no
 *  other host is asked for anything: a link to one is text that names the host, and only links within this site can be followed. */
export function Markdown({ text, renderCitation }: MarkdownProps) {
  const tokens = useMemo(() => marked.lexer(text, { gfm: true }), [text]);
  return (
    <div className="answer space-y-3 text-md">
      {tokens.map((token, index) => (
        <Block key={index} token={token} renderCitation={renderCitation} />
      ))}
    </div>
  );
}

interface BlockProps {
  token: Token;
  renderCitation: CitationRenderer;
}

/** While an answer streams, only its last block changes; the others keep their elements. */
const Block = memo(
  function Block({ token, renderCitation }: BlockProps) {
    return <>{block(token, renderCitation)}</>;
  },
  (before, after) => before.token.raw === after.token.raw && before.renderCitation === after.renderCitation,
);

function block(token: Token, cite: CitationRenderer): ReactNode {
  switch (token.type) {
    case "paragraph":
      return <p>{inline(token.tokens, cite)}</p>;
    case "heading":
      return <p className="pt-1 font-semibold">{inline(token.tokens, cite)}</p>;
    case "list":
      return list(token as Tokens.List, cite);
    case "table":
      return table(token as Tokens.Table, cite);
    case "blockquote":
      return <blockquote className="space-y-2 border-l-2 border-line-strong pl-3 text-ink-2">{blocks(token.tokens, cite)}</blockquote>;
    case "code":
      return (
        // The scrolling region takes the focus, so that it can be scrolled from the keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre tabIndex={0} className="overflow-x-auto rounded-md border border-line bg-sunken p-3 font-mono text-sm">
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      );
    case "hr":
      return <hr className="border-line" />;
    case "space":
    case "def":
      return null;
    case "text":
      return token.tokens === undefined ? withCitations((token as Tokens.Text).text, cite, "t") : inline(token.tokens, cite);
    default:
      return <p>{token.raw}</p>;
  }
}

function blocks(tokens: Token[] | undefined, cite: CitationRenderer): ReactNode {
  return tokens?.map((token, index) => <Fragment key={index}>{block(token, cite)}</Fragment>);
}

function list(token: Tokens.List, cite: CitationRenderer): ReactNode {
  const items = token.items.map((item, index) => (
    <li key={index} className="pl-1">
      {blocks(item.tokens, cite)}
    </li>
  ));
  return token.ordered ? (
    <ol start={token.start === "" ? 1 : token.start} className="list-decimal space-y-1 pl-6">
      {items}
    </ol>
  ) : (
    <ul className="list-disc space-y-1 pl-6">{items}</ul>
  );
}

function table(token: Tokens.Table, cite: CitationRenderer): ReactNode {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrollable from the keyboard
    <div tabIndex={0} className="overflow-x-auto rounded-md border border-line">
      <table className="w-full text-base tabular-nums">
        <thead>
          <tr>
            {token.header.map((cell, index) => (
              <th key={index} className="border-b border-line bg-sunken px-2 py-1 text-left font-medium">
                {inline(cell.tokens, cite)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, index) => (
            <tr key={index} className="border-b border-line last:border-b-0">
              {row.map((cell, column) => (
                <td key={column} className="px-2 py-1 align-top">
                  {inline(cell.tokens, cite)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: Token[] | undefined, cite: CitationRenderer): ReactNode {
  return tokens?.map((token, index) => <Fragment key={index}>{inlineToken(token, cite, String(index))}</Fragment>);
}

function inlineToken(token: Token, cite: CitationRenderer, key: string): ReactNode {
  switch (token.type) {
    case "text":
    case "escape":
      return token.type === "text" && token.tokens !== undefined
        ? inline(token.tokens, cite)
        : withCitations((token as Tokens.Text).text, cite, key);
    case "strong":
      return <strong className="font-semibold">{inline(token.tokens, cite)}</strong>;
    case "em":
      return <em>{inline(token.tokens, cite)}</em>;
    case "del":
      return <del>{inline(token.tokens, cite)}</del>;
    case "codespan":
      return <code className="rounded-sm bg-sunken px-1 font-mono text-[0.9em]">{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link":
      return link(token as Tokens.Link, cite);
    case "image":
      return image(token as Tokens.Image);
    default:
      return token.raw;
  }
}

function link(token: Tokens.Link, cite: CitationRenderer): ReactNode {
  const text = inline(token.tokens, cite);
  const to = destinationOf(token.href, location.origin);
  if (to.kind === "here") {
    return (
      <a href={to.href} className="text-accent underline underline-offset-2">
        {text}
      </a>
    );
  }
  // An address that stands there as itself needs no second naming.
  const named = to.kind === "elsewhere" ? to.host : to.kind === "mail" ? to.address : null;
  const itself = token.text === token.href || `mailto:${token.text}` === token.href;
  return named === null || itself ? text : withPlace(text, named);
}

function image(token: Tokens.Image): ReactNode {
  const to = destinationOf(token.href, location.origin);
  return to.kind === "elsewhere" ? withPlace(token.text, to.host) : token.text;
}

/** Inert text, with where it would have led. */
function withPlace(text: ReactNode, place: string): ReactNode {
  return (
    <>
      {text} <span className="font-mono text-[0.85em] text-ink-3">({place})</span>
    </>
  );
}

function withCitations(text: string, cite: CitationRenderer, key: string): ReactNode {
  return splitCitations(text).map((part, index, parts) => {
    if (part.kind === "citation") return <Fragment key={index}>{cite(part.number, `${key}.${index}`)}</Fragment>;
    // A chip stays on the line of the sentence that it belongs to.
    const beforeChip = parts[index + 1]?.kind === "citation";
    return <Fragment key={index}>{beforeChip ? part.text.replace(/\s*$/, "\u202f") : part.text}</Fragment>;
  });
}
