export const STYLE: string = "";
