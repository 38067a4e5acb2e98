/// The version of this code, as `apex version` prints it.
package let codeVersion = "0.1.0"
