// Minor units as people write them; the same forms as the server's (storefront/wording.py).

/** @param {string} currency ISO 4217 code */
export function moneyIn(currency) {
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency });
  const minor = 10 ** format.resolvedOptions().maximumFractionDigits;
  return (amount) => (amount === 0 ? "Free" : format.format(amount / minor));
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
