import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { SelectField } from "@/ui/Field";
import { useProcedures } from "./queries";
import "./texts";

interface ProcedureChoiceProps {
  onChoose: (plan: string) => void;
  /** Whether a plan that the person has written would be lost. */
  replaces: boolean;
  className?: string;
}

/** Offers plans that have led to an end before; nothing where there are none. */
export function ProcedureChoice({ onChoose, replaces, className }: ProcedureChoiceProps) {
  const { t } = useTranslation();
  const procedures = useProcedures().data ?? [];
  const [chosen, setChosen] = useState("");
  const [asked, setAsked] = useState<string | null>(null);
  if (procedures.length === 0) return null;
  const take = (id: string) => {
    setAsked(null);
    setChosen(id);
    const procedure = procedures.find((candidate) => candidate.id === id);
    if (procedure !== undefined) onChoose(procedure.text);
  };
  return (
    <>
      <SelectField
        label={t("memory.fromProcedure")}
        value={chosen}
        options={[{ value: "", label: t("memory.noProcedure") }, ...procedures.map(({ id, name }) => ({ value: id, label: name }))]}
        onChange={(id) => (id !== "" && replaces ? setAsked(id) : take(id))}
        {...(className === undefined ? {} : { className })}
      />
      {asked !== null && (
        <ConfirmDialog
          title={t("memory.replaceTitle")}
          text={t("memory.replaceText")}
          action={t("memory.replace")}
          pending={false}
          error={null}
          onConfirm={() => take(asked)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
