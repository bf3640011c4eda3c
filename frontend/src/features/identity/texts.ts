import { addTexts } from "@/i18n";
import { apiKeys, permissions, sessions } from "@/i18n/en-access";

addTexts({ apiKeys, permissions, sessions });
