import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { SubjectKind } from "@/api/gateway-types";
import { SearchField } from "@/ui/SearchField";
import { SelectField, TextField } from "@/ui/Field";
import { useKeysOf, usePeople } from "./queries";

interface SubjectPickerProps {
  kind: Exclude<SubjectKind, "tenant">;
  value: string;
  onChange: (subject: string) => void;
  error: string | undefined;
}

/** Names one person, key, agent or task. */
export function SubjectPicker({ kind, value, onChange, error }: SubjectPickerProps) {
  const { t } = useTranslation();
  switch (kind) {
    case "user":
      return <PersonPicker label={t("budgets.person")} value={value} onChange={onChange} error={error} />;
    case "api_key":
      return <KeyPicker value={value} onChange={onChange} error={error} />;
    case "agent":
    case "task":
      return <TextField label={t(kind === "agent" ? "budgets.agentName" : "budgets.taskName")} value={value} onChange={(event) => onChange(event.target.value)} maxLength={200} autoComplete="off" spellCheck={false} error={error} />;
  }
}

interface PickerProps {
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}

function PersonPicker({ label, value, onChange, error }: PickerProps & { label: string }) {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const people = usePeople(q);
  const offered = people.data ?? [];
  return (
    <div className="space-y-2">
      <SearchField label={t("budgets.findPerson")} value={q} onChange={setQ} />
      <SelectField
        label={label}
        value={value}
        error={error}
        hint={people.isSuccess && offered.length === 0 ? t("budgets.nobodyFound") : undefined}
        options={[
          { value: "", label: t("budgets.choose") },
          // Whoever is chosen stays so, also when the search leads elsewhere.
          ...(value !== "" && !offered.some(({ id }) => id === value) ? [{ value, label: value }] : []),
          ...offered.map(({ id, display_name, email }) => ({ value: id, label: email === null ? display_name : `${display_name} (${email})` })),
        ]}
        onChange={onChange}
      />
    </div>
  );
}

function KeyPicker({ value, onChange, error }: PickerProps) {
  const { t } = useTranslation();
  const [owner, setOwner] = useState("");
  const keys = useKeysOf(owner);
  return (
    <div className="space-y-2">
      <PersonPicker
        label={t("budgets.owner")}
        value={owner}
        onChange={(next) => {
          setOwner(next);
          onChange("");
        }}
        error={undefined}
      />
      <SelectField
        label={t("budgets.key")}
        value={value}
        error={error}
        disabled={owner === ""}
        hint={keys.isSuccess && keys.data.length === 0 ? t("budgets.noKeys") : undefined}
        options={[{ value: "", label: t("budgets.choose") }, ...(keys.data ?? []).map(({ id, name, prefix }) => ({ value: id, label: `${name} (${prefix}…)` }))]}
        onChange={onChange}
      />
    </div>
  );
}
