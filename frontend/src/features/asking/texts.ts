import { addTexts } from "@/i18n";
import { asking } from "@/i18n/en-asking";

addTexts({ asking });
