const MARKERS = /(?:[ \t]*\[\d{1,3}\])+/y;
/** A blank line, or the mark of an item, a heading, a row or a quotation on a line of its own. */
const BREAK = /\n(?=\s*\n)|\n(?=\s*(?:[-*+•#|>]|\d{1,3}[.)]\s|```))/y;

/** The sentences of an answer that cite something, as they stand there, without their markers. */
export function citedSentences(content: string): string[] {
  const sentences: string[] = [];
  let text = "";
  let at = 0;
  const end = (cited: boolean) => {
    const sentence = text.trim().replace(/^(?:[-*+•]|\d{1,3}[.)])\s+/, "");
    if (cited && /\p{L}/u.test(sentence) && !sentences.includes(sentence)) sentences.push(sentence);
    text = "";
  };
  while (at < content.length) {
    MARKERS.lastIndex = at;
    const markers = MARKERS.exec(content);
    if (markers !== null) {
      at += markers[0].length;
      const stop = /^[ \t]*[.!?]/.exec(content.slice(at));
      if (stop !== null) {
        text += stop[0].trim();
        at += stop[0].length;
      }
      // Not at its end: "… 3 bar [1], and 4 bar [2]."
      const whole = stop !== null || /[.!?:;…]\s*$/.test(text);
      if (/^[ \t]*[,;:)]/.test(content.slice(at)) || (!whole && /^[ \t]+\p{Ll}/u.test(content.slice(at)))) continue;
      end(true);
      continue;
    }
    BREAK.lastIndex = at;
    if (BREAK.test(content)) end(false);
    text += content.charAt(at);
    at += 1;
  }
  return sentences;
}
