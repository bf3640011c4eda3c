import { ArrowDown, ArrowUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Feature, Judged } from "@/api/gateway-types";
import { formatScore } from "@/lib/format";
import { TierScale } from "./TierScale";

const SHOWN = 6;

/** Where a request stands on the scale, and what put it there. */
export function Judgement({ judged }: { judged: Judged }) {
  const { t } = useTranslation();
  const { score, light_below: light, heavy_from: heavy, features } = judged;
  const words = { score: formatScore(score), light: formatScore(light), heavy: formatScore(heavy) };
  const said = score < light ? t("route.scoreLight", words) : score < heavy ? t("route.scoreStandard", words) : t("route.scoreHeavy", words);
  return (
    <div data-testid="judgement">
      <p className="mb-1 tabular-nums">{said}</p>
      <TierScale lightBelow={light} heavyFrom={heavy} score={score} className="max-w-md" />
      {features !== null && features.features.length > 0 && (
        <>
          <p className="mt-2 text-xs text-ink-3">{t("route.weighed")}</p>
          <ul className="flex flex-wrap gap-x-4 gap-y-0.5">
            {features.features.slice(0, SHOWN).map((feature) => (
              <Weighed key={feature.name} feature={feature} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Weighed({ feature: { name, contribution } }: { feature: Feature }) {
  const { t, i18n } = useTranslation();
  const key = `route.features.${name}`;
  const Arrow = contribution < 0 ? ArrowDown : ArrowUp;
  return (
    <li className="inline-flex items-center gap-1">
      <Arrow size={12} aria-hidden="true" className={contribution < 0 ? "text-ink-3" : "text-accent"} />
      <span>{i18n.exists(key) ? t(key as "route.features.words") : name}</span>
      <span className="text-ink-3 tabular-nums">
        <span className="sr-only">{t(contribution < 0 ? "route.lowers" : "route.raises")} </span>
        {formatScore(Math.abs(contribution))}
      </span>
    </li>
  );
}
