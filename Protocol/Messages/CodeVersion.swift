/// The version of this code, as `apex version` prints it.
package let codeVersion = "0.1.0"

/// Versions whose workers a coordinator of this one serves: those that make of every task the same bytes. A release that
/// changes no kernel and no task's form adds the one before it.
package let servedVersions = [codeVersion]
