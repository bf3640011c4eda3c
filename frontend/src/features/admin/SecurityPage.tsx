import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { renewSession } from "@/api/auth";
import { getJson, sendJson } from "@/api/client";
import { ROLES, type SecurityPolicy } from "@/api/identity-types";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { useFlash } from "@/lib/hooks";
import { useMay } from "@/lib/may";
import { useStore } from "@/lib/store";
import { Checkbox } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SaveBar, SettingsPage } from "./SettingsForm";

const KEY = ["security-policy"];
const PATH = "/admin/security-policy";

export function SecurityPage() {
  const { t } = useTranslation();
  const query = useQuery({ queryKey: KEY, queryFn: ({ signal }) => getJson<SecurityPolicy>(PATH, undefined, signal) });
  // Above the form, which begins anew with what was saved.
  const [saved, flash] = useFlash(3000);
  return (
    <SettingsPage narrow title={t("security.title")} text={t("security.text")} query={query}>
      {(policy) => <PolicyForm key={JSON.stringify(policy)} policy={policy} saved={saved} onSaved={flash} />}
    </SettingsPage>
  );
}

/** The same in the order of the roles, so that equal policies look equal. */
function ordered(policy: SecurityPolicy): SecurityPolicy {
  return { ...policy, second_factor_roles: ROLES.filter((role) => policy.second_factor_roles.includes(role)) };
}

function PolicyForm({ policy, saved, onSaved }: { policy: SecurityPolicy; saved: boolean; onSaved: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayChange = useMay("configuration:manage");
  const user = useStore(session, (value) => value?.user);
  const [draft, setDraft] = useState(() => ordered(policy));
  const save = useMutation({
    mutationFn: () => sendJson<SecurityPolicy>("PUT", PATH, draft),
    onSuccess: (next) => {
      client.setQueryData(KEY, next);
      onSaved();
      // The new policy may concern the one who made it, and a session learns of it when it is renewed.
      void renewSession().catch(() => undefined);
    },
  });
  const changed = JSON.stringify(draft) !== JSON.stringify(ordered(policy));
  const required = (role: SecurityPolicy["second_factor_roles"][number]) => draft.second_factor_roles.includes(role);
  const set = (role: SecurityPolicy["second_factor_roles"][number], on: boolean) =>
    setDraft(ordered({ ...draft, second_factor_roles: on ? [...draft.second_factor_roles, role] : draft.second_factor_roles.filter((other) => other !== role) }));
  const concernsMe = user !== undefined && !user.second_factor.enrolled && required(user.role) && !policy.second_factor_roles.includes(user.role);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      {!mayChange && <p className="mb-4 text-ink-2">{t("users.readOnly")}</p>}
      <fieldset className="border-t border-line py-5" disabled={!mayChange}>
        <legend className="float-left mb-1 w-full text-md font-semibold">{t("security.factorTitle")}</legend>
        <p className="clear-both mb-2 text-ink-2">{t("security.factorText")}</p>
        {ROLES.map((role) => (
          <Checkbox key={role} label={t(`roles.${role}`)} checked={required(role)} onChange={(on) => set(role, on)} disabled={!mayChange} />
        ))}
        {concernsMe && (
          <p role="status" className="mt-2 rounded-md border border-line bg-sunken p-2 text-sm">
            {t("security.factorYou")}
          </p>
        )}
      </fieldset>
      <fieldset className="border-t border-line py-5" disabled={!mayChange}>
        <legend className="float-left mb-1 w-full text-md font-semibold">{t("security.passwordTitle")}</legend>
        <div className="clear-both">
          <Checkbox
            label={t("security.passwordLabel")}
            text={t("security.passwordText")}
            checked={draft.password_sign_in}
            onChange={(on) => setDraft({ ...draft, password_sign_in: on })}
            disabled={!mayChange}
          />
        </div>
      </fieldset>
      {save.error !== null && <ProblemNotice problem={asProblem(save.error)} className="mb-4" />}
      {mayChange && <SaveBar changed={changed} pending={save.isPending} saved={saved} onDiscard={() => setDraft(ordered(policy))} />}
    </form>
  );
}
