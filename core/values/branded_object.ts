/**
 * A base of classes that mark objects.
 *
 * Such a class adds a private field to an object. Only that class sees the field, so it distinguishes the objects that
 * this library has made from copies. A `WeakSet` would take 130 to 800 ns for each object, a field takes 13 to 100.
 *
 * @module
 */

/** Its constructor returns the object that it is given: fields of a class that extends it are added to that. */
export class BrandedObject {
  /** Takes an object that has no such field yet. */
  constructor(object: object) {
    return object;
  }
}
