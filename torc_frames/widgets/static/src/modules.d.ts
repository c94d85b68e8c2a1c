declare module "sheets" {
  const text: string;
  export default text;
}
