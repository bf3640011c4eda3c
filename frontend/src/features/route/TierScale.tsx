import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { formatScore } from "@/lib/format";

interface TierScaleProps {
  lightBelow: number;
  heavyFrom: number;
  /** Marks where a request stands. */
  score?: number;
  className?: string;
}

const LOOKS = { LIGHT: "bg-sunken text-ink-2", STANDARD: "bg-accent-soft text-accent", HEAVY: "bg-accent text-on-accent" } as const;
/** A word needs about this share of the width. */
const ROOM = 0.12;

/** The tiers as parts of the scale from 0 to 1. */
export function TierScale({ lightBelow, heavyFrom, score, className }: TierScaleProps) {
  const { t } = useTranslation();
  const parts = [
    { tier: "LIGHT", share: lightBelow },
    { tier: "STANDARD", share: heavyFrom - lightBelow },
    { tier: "HEAVY", share: 1 - heavyFrom },
  ] as const;
  const words = parts.map(({ tier, share }) => `${t(`tiers.${tier}`)} ${formatScore(share)}`).join(", ");
  return (
    <div
      role="img"
      aria-label={`${t("route.scaleLabel")}: ${words}${score === undefined ? "" : `. ${t("route.score", { score: formatScore(score) })}`}`}
      className={cx("relative", score !== undefined && "pt-1.5", className)}
    >
      <div className="flex h-7 overflow-hidden rounded-md border border-line-strong text-xs font-medium">
        {parts.map(({ tier, share }) => (
          <span key={tier} className={cx("flex min-w-0 items-center justify-center overflow-hidden", LOOKS[tier])} style={{ width: `${Math.max(0, share) * 100}%` }}>
            {share >= ROOM && <span className="truncate px-1">{t(`tiers.${tier}`)}</span>}
          </span>
        ))}
      </div>
      {score !== undefined && (
        <span className="absolute top-0 h-10 w-0.5 -translate-x-1/2 bg-ink outline-1 outline-ground" style={{ left: `${Math.min(1, Math.max(0, score)) * 100}%` }}>
          <span className="absolute -top-1 left-1/2 size-2 -translate-x-1/2 rotate-45 bg-ink outline-1 outline-ground" />
        </span>
      )}
    </div>
  );
}
