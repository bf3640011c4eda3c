import { useTranslation } from "react-i18next";
import { PII_MODES, type PolicySettings } from "@/api/policy-types";
import { Select } from "@/ui/parts";
import { withMode, type Draft } from "./draft";

interface TypeTableProps {
  types: PolicySettings["types"];
  draft: Draft;
  onDraft: (draft: Draft) => void;
  disabled: boolean;
}

/** Every built-in type with what happens to it. */
export function TypeTable({ types, draft, onDraft, disabled }: TypeTableProps) {
  const { t } = useTranslation();
  return (
    <fieldset disabled={disabled} className="@container border-t border-line py-4">
      <legend className="float-left mb-1 w-full text-md font-semibold">{t("personalData.types")}</legend>
      <p className="clear-both mb-2 max-w-[75ch] text-ink-2">{t("personalData.typesText")}</p>
      <table className="w-full border-separate border-spacing-0">
        <caption className="sr-only">{t("personalData.types")}</caption>
        <thead>
          <tr>
            <th scope="col" className="cell-head pl-0">
              {t("personalData.type")}
            </th>
            <th scope="col" className="cell-head hidden @md:table-cell">
              {t("personalData.word")}
            </th>
            <th scope="col" className="cell-head w-44 pr-0">
              {t("personalData.mode")}
            </th>
          </tr>
        </thead>
        <tbody>
          {types.map(({ name, default_mode: byDefault }) => {
            const mode = draft.modes[name] ?? byDefault;
            return (
              <tr key={name} data-testid="pii-type">
                <th scope="row" className="cell py-0.5 pl-0 text-left font-normal">
                  {t(`personalData.names.${name}`)}
                  {mode !== byDefault && <span className="block text-xs text-ink-3">{t("personalData.default", { mode: t(`personalData.modes.${byDefault}`) })}</span>}
                </th>
                <td className="cell hidden py-0.5 font-mono text-xs text-ink-3 @md:table-cell">{name}</td>
                <td className="cell py-0.5 pr-0">
                  <Select
                    label={t("personalData.modeOf", { name: t(`personalData.names.${name}`) })}
                    value={mode}
                    options={PII_MODES.map((value) => ({ value, label: t(`personalData.modes.${value}`) }))}
                    onChange={(value) => onDraft(withMode(draft, name, value, byDefault))}
                    className="w-full"
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-sm text-ink-2">
        {PII_MODES.map((mode) => (
          <div key={mode} className="col-span-2 grid grid-cols-subgrid">
            <dt className="font-medium">{t(`personalData.modes.${mode}`)}</dt>
            <dd>{t(`personalData.modeTexts.${mode}`)}</dd>
          </div>
        ))}
      </dl>
    </fieldset>
  );
}
