// Exchanges a key for the session cookie, which no script can read, and opens the dashboard.

const form = document.getElementById("sign-in-form");
const refusal = document.getElementById("refusal");

form.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  refusal.textContent = "";
  try {
    const answer = await fetch("/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key: form.elements.key.value.trim() }),
    });
    if (answer.ok) {
      location.replace("/dashboard");
      return;
    }
    refusal.textContent = (await answer.json()).detail;
  } catch {
    refusal.textContent = "The gateway does not answer; try again.";
  }
});
