import { useState } from "react";
import { useTranslation } from "react-i18next";
import { SelectField } from "@/ui/Field";
import { useProcedures } from "./queries";
import "./texts";

/** Offers plans that have led to an end before; nothing where there are none. */
export function ProcedureChoice({ onChoose, className }: { onChoose: (plan: string) => void; className?: string }) {
  const { t } = useTranslation();
  const procedures = useProcedures().data ?? [];
  const [chosen, setChosen] = useState("");
  if (procedures.length === 0) return null;
  const choose = (id: string) => {
    setChosen(id);
    const procedure = procedures.find((candidate) => candidate.id === id);
    if (procedure !== undefined) onChoose(procedure.text);
  };
  return (
    <SelectField
      label={t("memory.fromProcedure")}
      value={chosen}
      options={[{ value: "", label: t("memory.noProcedure") }, ...procedures.map(({ id, name }) => ({ value: id, label: name }))]}
      onChange={choose}
      {...(className === undefined ? {} : { className })}
    />
  );
}
