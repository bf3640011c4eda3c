import { useId } from "react";
import { useTranslation } from "react-i18next";
import { CLASSIFICATIONS, type Classification } from "@/api/types";
import { cx } from "@/lib/cx";
import { tooMany, wordsOf, wrongGroup, wrongRegime } from "@/lib/labels";
import { TextField } from "@/ui/Field";
import { ClassificationLabel } from "@/ui/parts";

/** Four choices, each with its colour and its word. */
export function ClassificationChoice({ value, onChange }: { value: Classification; onChange: (value: Classification) => void }) {
  const { t } = useTranslation();
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium">{t("documents.classification")}</legend>
      <div className="grid grid-cols-2 gap-2">
        {CLASSIFICATIONS.map((choice) => (
          <label
            key={choice}
            className={cx(
              "flex min-h-8 items-center gap-2 rounded-md border px-2 touch:min-h-11",
              choice === value ? "border-accent bg-accent-soft" : "border-line-strong hover:bg-hover",
            )}
          >
            <input type="radio" name={name} value={choice} checked={choice === value} onChange={() => onChange(choice)} className="size-4 accent-(--accent)" />
            <ClassificationLabel value={choice} />
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** The lists of a label as they are typed. */
export interface TypedLists {
  regimes: string;
  groups: string;
}

/** What is wrong with the lists, in words; undefined for what is right. */
export function useListErrors(lists: TypedLists, asAuthorisation = false) {
  const { t } = useTranslation();
  const regimes = wordsOf(lists.regimes);
  const groups = wordsOf(lists.groups);
  const regime = wrongRegime(regimes, asAuthorisation);
  const group = wrongGroup(groups);
  return {
    regimes: regime !== undefined ? t("labels.wrongRegime", { word: regime }) : tooMany(regimes) ? t("labels.tooMany") : undefined,
    groups: group !== undefined ? t("labels.wrongGroup", { word: group }) : tooMany(groups) ? t("labels.tooMany") : undefined,
  };
}

interface ListFieldsProps {
  lists: TypedLists;
  onChange: (lists: TypedLists) => void;
  /** Of a person rather than of a document. */
  asAuthorisation?: boolean;
  /** What the server says of each. */
  errors?: Partial<Record<keyof TypedLists, string | undefined>>;
  disabled?: boolean;
  className?: string;
}

/** Export regimes and groups as lists of words. */
export function ListFields({ lists, onChange, asAuthorisation = false, errors = {}, disabled = false, className }: ListFieldsProps) {
  const { t } = useTranslation();
  const wrong = useListErrors(lists, asAuthorisation);
  return (
    <div className={cx("grid grid-cols-1 gap-3 sm:grid-cols-2", className)}>
      <TextField
        mono
        label={t(asAuthorisation ? "labels.authorisations" : "labels.regimes")}
        hint={t(asAuthorisation ? "labels.authorisationsHint" : "labels.regimesHint")}
        value={lists.regimes}
        onChange={(event) => onChange({ ...lists, regimes: event.target.value })}
        error={wrong.regimes ?? errors.regimes}
        disabled={disabled}
        autoComplete="off"
        spellCheck={false}
      />
      <TextField
        mono
        label={t("labels.groups")}
        hint={t(asAuthorisation ? "labels.memberHint" : "labels.groupsHint")}
        value={lists.groups}
        onChange={(event) => onChange({ ...lists, groups: event.target.value })}
        error={wrong.groups ?? errors.groups}
        disabled={disabled}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
    </div>
  );
}
