import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { AdminUser, UserStatus } from "@/api/identity-types";
import { session } from "@/api/session";
import { cx } from "@/lib/cx";
import { formatNumber } from "@/lib/format";
import { useStore } from "@/lib/store";
import { LabelChips } from "@/ui/LabelChips";
import { Status, Time, type Tone } from "@/ui/parts";
import { clearanceOf } from "./queries";

export const STATUS_TONES: Record<UserStatus, Tone> = { active: "accent", invited: "neutral", disabled: "danger" };

/** The columns follow the width of the list, not of the window: beside open details only the first ones stay. */
export function UserTable({ users, current }: { users: AdminUser[]; current: string | undefined }) {
  const { t } = useTranslation();
  return (
    <table className="w-full table-fixed border-separate border-spacing-0">
      <caption className="sr-only">{t("users.title")}</caption>
      <thead className="sticky top-0 z-10">
        <tr>
          <th scope="col" className="cell-head pl-4">
            {t("users.name")}
          </th>
          <th scope="col" className="cell-head hidden w-64 @5xl:table-cell">
            {t("users.email")}
          </th>
          <th scope="col" className="cell-head hidden w-32 @md:table-cell">
            {t("users.role")}
          </th>
          <th scope="col" className="cell-head hidden w-48 @4xl:table-cell">
            {t("labels.clearance")}
          </th>
          <th scope="col" className="cell-head w-28">
            {t("users.status")}
          </th>
          <th scope="col" className="cell-head hidden w-28 @3xl:table-cell">
            {t("users.secondFactor")}
          </th>
          <th scope="col" className="cell-head hidden w-28 @2xl:table-cell">
            {t("users.lastSignIn")}
          </th>
          <th scope="col" className="cell-head hidden w-20 text-right @4xl:table-cell">
            {t("users.sessions")}
          </th>
          <th scope="col" className="cell-head hidden w-20 pr-4 text-right @4xl:table-cell">
            {t("users.keys")}
          </th>
        </tr>
      </thead>
      <tbody className="tabular-nums">
        {users.map((user) => (
          <Row key={user.id} user={user} selected={user.id === current} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ user, selected }: { user: AdminUser; selected: boolean }) {
  const { t } = useTranslation();
  const own = useStore(session, (value) => value?.user.id === user.id);
  return (
    <tr className={cx(selected ? "bg-accent-soft" : "hover:bg-hover")} data-testid="user-row">
      <td className="cell truncate py-1 pl-4">
        <div className="flex min-w-0 items-center gap-2">
          <Link
            from="/admin/users/{-$userId}"
            to="/admin/users/{-$userId}"
            params={{ userId: user.id }}
            search={(old) => old}
            data-row=""
            data-selected={selected}
            title={user.display_name}
            className="block min-w-0 truncate font-medium hover:text-accent touch:py-1"
          >
            {user.display_name}
          </Link>
          {own && <Tag>{t("users.you")}</Tag>}
          {user.kind === "service" && <Tag>{t("userKind.service")}</Tag>}
        </div>
        <p className="truncate text-xs text-ink-3 @5xl:hidden">
          {user.email}
          <span className="@md:hidden">
            {user.email !== null && " · "}
            {t(`roles.${user.role}`)}
          </span>
        </p>
      </td>
      <td className="cell hidden truncate text-ink-2 @5xl:table-cell">{user.email ?? "–"}</td>
      <td className="cell hidden truncate text-ink-2 @md:table-cell">{t(`roles.${user.role}`)}</td>
      <td className="cell hidden @4xl:table-cell">
        <LabelChips compact of="person" label={{ ...clearanceOf(user), integrity: null }} />
      </td>
      <td className="cell truncate">
        <Status tone={STATUS_TONES[user.status]}>{t(`userStatus.${user.status}`)}</Status>
      </td>
      <td className="cell hidden text-ink-2 @3xl:table-cell">{user.kind === "service" ? "–" : t(user.second_factor ? "users.yes" : "users.no")}</td>
      <td className="cell hidden text-ink-2 @2xl:table-cell">{user.last_sign_in_at === null ? t("users.never") : <Time value={user.last_sign_in_at} />}</td>
      <td className="cell hidden text-right text-ink-2 @4xl:table-cell">{formatNumber(user.session_count)}</td>
      <td className="cell hidden pr-4 text-right text-ink-2 @4xl:table-cell">{formatNumber(user.api_key_count)}</td>
    </tr>
  );
}

function Tag({ children }: { children: string }) {
  return <span className="shrink-0 rounded-sm border border-line-strong px-1 text-2xs text-ink-2">{children}</span>;
}
