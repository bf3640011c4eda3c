import { Slider } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { RoutingSettings } from "@/api/gateway-types";
import { asProblem } from "@/api/problem";
import type { PolicySettings } from "@/api/policy-types";
import { TierScale } from "@/features/route/TierScale";
import { useMay } from "@/lib/may";
import { Checkbox, TextField } from "@/ui/Field";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { useSaveSettings } from "../policy/queries";
import { SaveBar, StaleNotice } from "../SettingsForm";

const STEP = 0.01;
const NAMES = ["light_below", "heavy_from"] as const;

/** A threshold as it is shown and sent: hundredths tell tiers apart well enough, and single precision must not show. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function draftOf({ light_below, heavy_from, explicit_tier }: RoutingSettings): RoutingSettings {
  return { light_below: rounded(light_below), heavy_from: rounded(heavy_from), explicit_tier };
}

interface RoutingFormProps {
  settings: PolicySettings;
  saved: boolean;
  onSaved: () => void;
  onReread: () => void;
}

/** How a score becomes a tier, and whether people may choose one. */
export function RoutingForm({ settings, saved, onSaved, onReread }: RoutingFormProps) {
  const { t } = useTranslation();
  const mayManage = useMay("configuration:manage");
  const [initial] = useState(() => draftOf(settings.routing));
  const [draft, setDraft] = useState(initial);
  const save = useSaveSettings(settings, onSaved);
  const problem = save.error === null ? null : asProblem(save.error);
  const crossed = draft.light_below > draft.heavy_from;
  const changed = JSON.stringify(draft) !== JSON.stringify(initial);
  const labels = { light_below: t("models.lightBelow"), heavy_from: t("models.heavyFrom") };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!crossed) save.mutate({ routing: draft });
      }}
    >
      {!mayManage && <p className="mb-3 text-ink-2">{t("users.readOnly")}</p>}
      <fieldset disabled={!mayManage} className="max-w-xl">
        <legend className="sr-only">{t("models.scale")}</legend>
        <div className="relative mb-3 pb-1">
          <TierScale lightBelow={Math.min(draft.light_below, draft.heavy_from)} heavyFrom={draft.heavy_from} />
          <Slider.Root
            value={[draft.light_below, draft.heavy_from]}
            min={0}
            max={1}
            step={STEP}
            disabled={!mayManage}
            onValueChange={([light = 0, heavy = 1]) => setDraft({ ...draft, light_below: rounded(light), heavy_from: rounded(heavy) })}
            className="relative -mt-1 flex h-8 touch-none items-center touch:h-11"
          >
            <Slider.Track className="h-1 w-full rounded-full bg-line-strong">
              <Slider.Range className="absolute h-1 bg-accent" />
            </Slider.Track>
            {NAMES.map((name) => (
              <Slider.Thumb key={name} aria-label={labels[name]} className="block size-5 rounded-full border-2 border-accent bg-ground shadow-float touch:size-7" />
            ))}
          </Slider.Root>
        </div>
        <div className="mb-2 flex flex-wrap gap-4">
          {NAMES.map((name) => (
            <TextField
              key={name}
              type="number"
              label={labels[name]}
              min={0}
              max={1}
              step={STEP}
              required
              value={String(draft[name])}
              onChange={(event) => {
                const value = event.target.valueAsNumber;
                if (value >= 0 && value <= 1) setDraft({ ...draft, [name]: rounded(value) });
              }}
              error={crossed && name === "light_below" ? t("models.thresholdsCrossed") : undefined}
              className="w-36"
            />
          ))}
        </div>
        <Checkbox label={t("models.explicit")} text={t("models.explicitText")} checked={draft.explicit_tier} onChange={(explicit_tier) => setDraft({ ...draft, explicit_tier })} disabled={!mayManage} />
      </fieldset>
      {problem !== null && <ProblemNotice problem={problem} className="my-3" />}
      <StaleNotice problem={problem} onReread={onReread} />
      {mayManage && (
        <div className="mt-3">
          <SaveBar
            changed={changed && !crossed}
            pending={save.isPending}
            saved={saved}
            onDiscard={() => {
              setDraft(initial);
              save.reset();
            }}
          />
        </div>
      )}
    </form>
  );
}
