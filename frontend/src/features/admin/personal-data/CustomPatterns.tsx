import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "@/api/problem";
import { PII_MODES } from "@/api/policy-types";
import { cx } from "@/lib/cx";
import { Button, IconButton } from "@/ui/Button";
import { Field, SelectField, TextField } from "@/ui/Field";
import { blankCustom, customErrors, type CustomErrors, type Draft, type DraftCustom } from "./draft";

const MOST = 100;

interface CustomPatternsProps {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  problem: Problem | null;
  disabled: boolean;
}

/** Patterns and word lists of the organisation's own: badge numbers, project names, and exceptions. */
export function CustomPatterns({ draft, onDraft, problem, disabled }: CustomPatternsProps) {
  const { t } = useTranslation();
  const set = (custom: DraftCustom[]) => onDraft({ ...draft, custom });
  const full = draft.custom.length >= MOST;
  return (
    <fieldset disabled={disabled} className="border-t border-line py-4">
      <legend className="float-left mb-1 w-full text-md font-semibold">{t("personalData.custom")}</legend>
      <p className="clear-both mb-3 max-w-[75ch] text-ink-2">{t("personalData.customText")}</p>
      {draft.custom.length === 0 && <p className="mb-3 text-ink-3">{t("personalData.customNone")}</p>}
      <ol className="space-y-3">
        {draft.custom.map((custom, at) => (
          <Custom
            key={custom.key}
            custom={custom}
            errors={customErrors(problem, at)}
            onChange={(next) => set(draft.custom.map((old) => (old.key === custom.key ? next : old)))}
            onRemove={() => set(draft.custom.filter((old) => old.key !== custom.key))}
            disabled={disabled}
          />
        ))}
      </ol>
      {!disabled && (
        <div className="mt-3 flex flex-wrap gap-2">
          {(["pattern", "words"] as const).map((kind) => (
            <Button key={kind} disabled={full} onClick={() => set([...draft.custom, blankCustom(kind)])}>
              <Plus size={14} aria-hidden="true" />
              {t(`personalData.add.${kind}`)}
            </Button>
          ))}
        </div>
      )}
    </fieldset>
  );
}

interface CustomProps {
  custom: DraftCustom;
  errors: CustomErrors;
  onChange: (custom: DraftCustom) => void;
  onRemove: () => void;
  disabled: boolean;
}

function Custom({ custom, errors, onChange, onRemove, disabled }: CustomProps) {
  const { t } = useTranslation();
  const { name, kind } = custom;
  const wrong = Object.values(errors).some((error) => error !== undefined);
  return (
    <li className={cx("rounded-lg border p-3", wrong ? "border-danger/60" : "border-line")} data-testid="custom">
      <div className="flex items-start gap-2">
        <div className="grid min-w-0 flex-1 grid-cols-1 gap-3 sm:grid-cols-2">
          <TextField
            mono
            label={t("personalData.customName")}
            hint={t("personalData.customNameHint")}
            value={name}
            maxLength={32}
            required
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => onChange({ ...custom, name: event.target.value.toUpperCase() })}
            error={errors.name}
          />
          <SelectField
            label={t("personalData.mode")}
            value={custom.mode}
            options={PII_MODES.map((value) => ({ value, label: t(`personalData.modes.${value}`) }))}
            onChange={(mode) => onChange({ ...custom, mode })}
            disabled={disabled}
          />
        </div>
        {!disabled && (
          <IconButton label={t("personalData.remove", { name: name === "" ? t(`personalData.kinds.${kind}`) : name })} onClick={onRemove}>
            <Trash2 size={14} aria-hidden="true" />
          </IconButton>
        )}
      </div>
      {kind === "pattern" ? (
        <TextField
          mono
          label={t("personalData.pattern")}
          hint={t("personalData.patternHint")}
          value={custom.pattern}
          required
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => onChange({ ...custom, pattern: event.target.value })}
          error={errors.pattern ?? errors.whole}
          className="mt-3"
        />
      ) : (
        <Field label={t("personalData.words")} hint={t("personalData.wordsHint")} error={errors.words ?? errors.whole} className="mt-3">
          {(control) => (
            <textarea
              {...control}
              value={custom.words}
              rows={4}
              required
              spellCheck={false}
              onChange={(event) => onChange({ ...custom, words: event.target.value })}
              className="field h-auto py-1"
            />
          )}
        </Field>
      )}
    </li>
  );
}
