import { useId, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Memory } from "@/api/memory-types";
import { asProblem } from "@/api/problem";
import { CLASSIFICATIONS } from "@/api/types";
import { dayOf, endOfDay, lastDayOf } from "@/lib/day";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Checkbox, Field, SelectField, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useChangeMemory, useRemember } from "./queries";

const MAX_CHARS = 1000;
const USUAL_DAYS = 180;

function usualDay(): string {
  const moment = new Date();
  moment.setDate(moment.getDate() + USUAL_DAYS);
  return dayOf(moment.toISOString());
}

interface MemoryDialogProps {
  /** What is changed; null for something new about oneself. */
  memory: Memory | null;
  onClose: () => void;
}

/** Writes something about oneself, or changes what is remembered. Mount it to show it. */
export function MemoryDialog({ memory, onClose }: MemoryDialogProps) {
  const { t } = useTranslation();
  const form = useId();
  const own = memory === null || memory.kind === "about_me";
  const [text, setText] = useState(memory?.text ?? "");
  const [classification, setClassification] = useState<Memory["classification"]>(memory?.classification ?? "INTERNAL");
  const [forEver, setForEver] = useState(memory !== null && memory.expires_at === null);
  const [day, setDay] = useState(() => (memory?.expires_at ? lastDayOf(memory.expires_at) : usualDay()));
  const [tried, setTried] = useState(false);
  const create = useRemember(onClose);
  const change = useChangeMemory(memory?.id ?? "", onClose);
  const save = memory === null ? create : change;
  const problem = save.error === null ? null : asProblem(save.error);
  const expiresAt = forEver ? null : (endOfDay(day) ?? undefined);
  const lacksText = own && text.trim() === "";
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    if (lacksText || expiresAt === undefined) return;
    if (memory === null) create.mutate({ about_me: text.trim(), classification, expires_at: expiresAt });
    else {
      // A day says less than the moment that it was made from.
      const keeps = forEver ? memory.expires_at === null : memory.expires_at !== null && day === lastDayOf(memory.expires_at);
      const words = own && text.trim() !== memory.text;
      if (keeps && !words) onClose();
      else change.mutate({ ...(keeps ? {} : { expires_at: expiresAt }), ...(words ? { text: text.trim() } : {}) });
    }
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={t(memory === null ? "memory.addTitle" : "memory.editTitle")}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" form={form} disabled={save.isPending}>
            {t("common.save")}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="space-y-4">
        {problem !== null && <ProblemNotice problem={problem} />}
        {own ? (
          <Field label={t("memory.aboutMe")} hint={t("memory.aboutMeHint")} error={tried && lacksText ? t("memory.aboutMeMissing") : undefined}>
            {(control) => (
              <textarea {...control} rows={4} required maxLength={MAX_CHARS} value={text} onChange={(event) => setText(event.target.value)} className="field h-auto py-1.5" />
            )}
          </Field>
        ) : (
          <p className="text-ink-2">{t("memory.fixed")}</p>
        )}
        {memory === null && (
          <SelectField
            label={t("memory.classification")}
            value={classification}
            options={CLASSIFICATIONS.map((value) => ({ value, label: t(`classification.${value}`) }))}
            onChange={setClassification}
          />
        )}
        <div>
          <Checkbox label={t("memory.forEver")} checked={forEver} onChange={setForEver} />
          {!forEver && (
            <TextField
              label={t("memory.until")}
              type="date"
              required
              value={day}
              min={dayOf(new Date().toISOString())}
              onChange={(event) => setDay(event.target.value)}
              error={problem?.field("expires_at") ?? (tried && expiresAt === undefined ? t("memory.untilWrong") : undefined)}
            />
          )}
        </div>
      </form>
    </Dialog>
  );
}
