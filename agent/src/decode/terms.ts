/** A part of an event's meaning in ECS terms, as the tables of this step name it. */
export interface Meaning {
  action: string;
  category: string[];
  type: string[];
}

export function meaning(action: string, category: string, ...type: string[]): Meaning {
  return { action, category: [category], type };
}
