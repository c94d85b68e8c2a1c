// A grid in an app.
import { useEffect, useRef } from "preact/hooks";
import type { Bridge } from "../core/bridge";
import { View } from "../grid/view.js";

type GridProps = { bridge: Bridge<any>; part: string; hooks?: object; onView?: (view: any) => void };

export function Grid({ bridge, part, hooks, onView }: GridProps) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const view = new View(bridge.part(part), host.current, hooks);
    onView?.(view);
    return () => view.destroy();
  }, []);
  return <div class="tf-host" ref={host} />;
}
