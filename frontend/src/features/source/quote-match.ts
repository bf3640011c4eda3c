/** A stretch of one text item, in UTF-16 units. */
export interface ItemRange {
  item: number;
  start: number;
  end: number;
}

interface Normalised {
  text: string;
  /** For each unit of `text`: the item it came from, and where in it. */
  items: number[];
  starts: number[];
  ends: number[];
}

/** Spaces, hyphens, bullets, and the bar that extraction puts between the cells of a table row. */
const SKIPPED = /[\s\p{Pd}\u00ad\u200b-\u200d\u2060\ufeff|\u2022\u25e6\u25aa\u2023\u25cf\u25cb]/u;
/** A piece this long is found anywhere on the page; a shorter one (a cell, a number) only close behind the piece before it. */
const MIN_PIECE = 12;
const MIN_NEAR_PIECE = 2;
const NEAR = 120;

/** Letters and digits in one form: what extraction and the text layer disagree about (spaces, line ends, hyphens at them,
 *  ligatures, kinds of quotation marks) is left out or made equal. */
export function normalise(items: readonly string[]): Normalised {
  const out: Normalised = { text: "", items: [], starts: [], ends: [] };
  const parts: string[] = [];
  items.forEach((item, index) => {
    let at = 0;
    for (const character of item) {
      const end = at + character.length;
      if (!SKIPPED.test(character)) {
        const plain = character.normalize("NFKC").toLowerCase().replace(/[\u2018\u2019\u201a\u00b4`]/g, "'").replace(/[\u201c-\u201e\u00ab\u00bb]/g, '"');
        for (const unit of plain.split("")) {
          if (SKIPPED.test(unit)) continue;
          parts.push(unit);
          out.items.push(index);
          out.starts.push(at);
          out.ends.push(end);
        }
      }
      at = end;
    }
  });
  out.text = parts.join("");
  return withoutLeaders(out);
}

/** Takes out runs of dots: the leaders of a table of contents, of which extraction keeps three at most. */
function withoutLeaders(full: Normalised): Normalised {
  const dot = (index: number) => full.text[index] === ".";
  const kept = full.items.map((_, index) => index).filter((index) => !(dot(index) && (dot(index - 1) || dot(index + 1))));
  if (kept.length === full.items.length) return full;
  const pick = (values: number[]) => kept.map((index) => values[index] ?? 0);
  return { text: kept.map((index) => full.text.charAt(index)).join(""), items: pick(full.items), starts: pick(full.starts), ends: pick(full.ends) };
}

/** Finds a quote in the items of a page's text layer. If the whole is not there in one piece (a table read in another order, a
 *  header between the lines), its lines and sentences are looked for one by one. */
export function findQuote(items: readonly string[], quote: string): ItemRange[] {
  const page = normalise(items);
  const wanted = normalise([quote]).text;
  if (wanted === "") return [];
  const whole = page.text.indexOf(wanted);
  if (whole !== -1) return ranges(page, whole, whole + wanted.length);
  const found: ItemRange[] = [];
  let from = 0;
  for (const piece of pieces(quote)) {
    const text = normalise([piece]).text;
    let at = page.text.indexOf(text, from);
    if (text.length < MIN_PIECE) {
      const near = found.length > 0 && at !== -1 && at - from <= NEAR;
      if (!near || text.length < MIN_NEAR_PIECE) continue;
    }
    if (at === -1) at = page.text.indexOf(text);
    if (at === -1) continue;
    found.push(...ranges(page, at, at + text.length));
    from = at + text.length;
  }
  return found;
}

function pieces(quote: string): string[] {
  return quote.split(/\n|(?<=[.!?;:])\s+|\s*\|\s*/u);
}

function ranges(page: Normalised, from: number, to: number): ItemRange[] {
  const found: ItemRange[] = [];
  for (let index = from; index < to; index += 1) {
    const item = page.items[index] ?? 0;
    const start = page.starts[index] ?? 0;
    const end = page.ends[index] ?? 0;
    const last = found.at(-1);
    if (last?.item === item) last.end = end;
    else found.push({ item, start, end });
  }
  return found;
}

/** The UTF-16 offset of a code point offset: the server counts code points, strings here count UTF-16 units. */
export function utf16Offset(text: string, codePoints: number): number {
  let unit = 0;
  for (let count = 0; count < codePoints && unit < text.length; count += 1) {
    const code = text.codePointAt(unit) ?? 0;
    unit += code > 0xffff ? 2 : 1;
  }
  return unit;
}
