"""A language as an operator would add it: some texts, and the sentences about limits."""

from ai_gateway.domain.wording import BudgetWords, Language, Text, Texts

GERMAN = Language(
    tag="de",
    name="Deutsch",
    texts=Texts(
        categories={
            "quota": Text("Der KI-Anbieter hat sein Kontingent erreicht.", "Zahlungsmittel beim Anbieter hinterlegen."),
            "invalid_request": Text("Die Anfrage ist ungültig: ${message}"),
            "rate_limit": Text("Zu viele Anfragen, bitte in ${retry_after_seconds} s wieder."),
        },
        codes={
            "budget_exceeded": Text(
                "${window} für ${unit} überschritten. Grenze: ${limit}, verbraucht: ${current}. ${resets}"
            ),
            "draining": Text("Das Gateway startet neu (${request_id})."),
        },
    ),
    budget=BudgetWords(
        windows={"daily": "Tagesgrenze", "monthly": "Monatsgrenze", "total": "Gesamtgrenze"},
        units={"usd": "Kosten", "tokens": "Token", "requests": "Anfragen"},
        amounts={"usd": "${amount} $", "tokens": "${amount} Token", "requests": "${amount} Anfragen"},
        resets={
            "daily": "Beginnt um Mitternacht ${clock} neu.",
            "monthly": "Beginnt am ${day} um Mitternacht ${clock} neu.",
            "total": "Beginnt nicht neu.",
        },
        zone="in ${zone}",
        could_cost=" Diese Anfrage könnte bis zu ${could_cost} kosten.",
        decimal_mark=",",
        group_mark=".",
    ),
)
