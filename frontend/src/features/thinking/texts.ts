import { addTexts } from "@/i18n";
import { thinking } from "@/i18n/en-thinking";

addTexts({ thinking });
