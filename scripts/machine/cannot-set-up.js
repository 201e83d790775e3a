/** The machine cannot be had here; says why and what would help. */
export class CannotSetUp extends Error {
  constructor(message, hint) {
    super(hint === undefined ? message : `${message}; ${hint}`);
  }
}
