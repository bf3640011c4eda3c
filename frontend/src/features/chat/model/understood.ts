/** What was understood of a question beyond its words. */
export interface Understood {
  /** Words that no document has, and what they were taken for. */
  spelling: { from: string; to: string }[];
  /** What the glossary says to its terms. */
  expansions: { term: string; words: string[] }[];
  /** The questions that it asks, where they are several. */
  parts: string[];
  /** Words of the question before that were carried over; null for a question that stands alone. */
  carried: string[] | null;
}

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields | null => (typeof value === "object" && value !== null ? (value as Fields) : null);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === "string") : []);
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fields).filter((item) => item !== null) : []);

/** From a stored step, or from the result of the search; null where it was searched for just as it stands. */
export function understoodOf(detail: Fields | null): Understood | null {
  const understood = fields(detail?.["understood"]);
  const followUp = fields(detail?.["follow_up"]);
  const found: Understood = {
    spelling: list(understood?.["spelling"]).flatMap(({ from, to }) => (typeof from === "string" && typeof to === "string" ? [{ from, to }] : [])),
    expansions: list(understood?.["expansions"]).flatMap(({ term, words }) => (typeof term === "string" ? [{ term, words: texts(words) }] : [])),
    parts: texts(understood?.["parts"]),
    carried: followUp === null ? null : texts(followUp["carried"]),
  };
  const isPlain = found.spelling.length + found.expansions.length + found.parts.length === 0 && found.carried === null;
  return isPlain ? null : found;
}
