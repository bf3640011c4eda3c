import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { AuthFrame } from "./AuthFrame";
import { SecondFactorForm } from "./SecondFactorForm";

const route = getRouteApi("/sign-in/second-factor");

export function SecondFactorPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <AuthFrame title={t("signIn.codeTitle")}>
      <SecondFactorForm challenge={null} onStartAgain={() => void navigate({ to: "/sign-in", search: { return: search.return } })} />
    </AuthFrame>
  );
}
