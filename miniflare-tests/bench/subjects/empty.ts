// The least that a Worker can do: what workerd itself costs.
export default {
  fetch: (): Response => new Response(),
}
