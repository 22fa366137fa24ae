/** Controls, and what is drawn as nothing: zero-width and bidi marks, variation selectors, tag characters, fillers. */
const UNSEEN = /[\p{Cc}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * The form in which ids of people, agents and groups are compared, wherever it is asked whether two of them are one:
 * separation of duties, quorum, votes that are counted once, budgets of prompts, lists of approvers. Directories differ in what
 * they preserve, and whoever may choose a spelling must not become a second person by it: `Ann`, ` ann ` and `ａｎｎ` are `ann`.
 *
 * NFKC, without unseen characters and surrounding blanks, then full case folding (Unicode, section 3.13). Never for what an
 * approval belongs to: there, another spelling is another principal.
 */
export function foldedId(id: string): string {
  const seen = withoutUnseen(id).trim().toLowerCase();
  // Upper case joins what lower case keeps apart (`ß` and `ss`, `ς` and `σ`); the dotless i has no other case of its own.
  const folded = seen.replace(/[^ı]+/g, (text) => text.toUpperCase()).toLowerCase();
  return withoutUnseen(folded).trim();
}

/** Whether an id holds characters that nobody can see: it would look like the id of somebody else. */
export const hasUnseen = (id: string): boolean => id.search(UNSEEN) !== -1;

const withoutUnseen = (text: string): string => text.normalize("NFKC").replace(UNSEEN, "");
