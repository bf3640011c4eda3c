import { useTranslation } from "react-i18next";
import { endOfDay, startOfDay } from "@/lib/day";
import { TextField } from "@/ui/Field";

/** What is said about a document, as it is typed: tags, and the days on which its version begins and ceases to hold. */
export interface TypedDescription {
  tags: string;
  from: string;
  until: string;
}

export const NO_DESCRIPTION: TypedDescription = { tags: "", from: "", until: "" };
const MOST_TAGS = 32;
const LONGEST_TAG = 64;

/** Tags may have several words: only commas part them. */
export function tagsOf(text: string): string[] {
  const words = text.split(",").map((tag) => tag.trim().toLowerCase());
  return [...new Set(words.filter((tag) => tag !== ""))].sort();
}

/** What is wrong with it, in words; undefined for what is right. */
export function useDescriptionErrors({ tags, from, until }: TypedDescription) {
  const { t } = useTranslation();
  const words = tagsOf(tags);
  const [begins, ends] = [startOfDay(from), endOfDay(until)];
  return {
    tags: words.length > MOST_TAGS || words.some((tag) => tag.length > LONGEST_TAG) ? t("documents.wrongTags") : undefined,
    until: ends !== null && ends <= (begins ?? "") ? t("documents.wrongUntil") : undefined,
  };
}

interface DescriptionFieldsProps {
  value: TypedDescription;
  onChange: (value: TypedDescription) => void;
}

export function DescriptionFields({ value, onChange }: DescriptionFieldsProps) {
  const { t } = useTranslation();
  const wrong = useDescriptionErrors(value);
  return (
    <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
      <TextField
        className="sm:col-span-2"
        label={t("documents.tags")}
        hint={t("documents.tagsHint")}
        value={value.tags}
        onChange={(event) => onChange({ ...value, tags: event.target.value })}
        error={wrong.tags}
        autoComplete="off"
        autoCapitalize="none"
      />
      <TextField
        type="date"
        label={t("documents.effectiveFrom")}
        hint={t("documents.effectiveFromHint")}
        value={value.from}
        onChange={(event) => onChange({ ...value, from: event.target.value })}
      />
      <TextField
        type="date"
        label={t("documents.effectiveUntil")}
        hint={t("documents.effectiveUntilHint")}
        value={value.until}
        onChange={(event) => onChange({ ...value, until: event.target.value })}
        error={wrong.until}
      />
    </div>
  );
}
