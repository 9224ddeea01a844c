using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Cli.Output;

/// <summary>
/// The one place where an error or a warning reaches the operator. All of it may hold text from elsewhere (a node, podman, a file), so all
/// of it is escaped: nothing that a container or a remote host wrote can move the cursor or set the clipboard.
/// </summary>
internal sealed class Reporter(TextWriter error, bool colours)
{
    /// <summary>Writes what failed, why, on which node, at which step, what state things are in and the next command; one part a line.</summary>
    public void Error(McpException e) => Write("error: ", "31", e.Describe());

    /// <summary>Writes a plain failure with the command to type next.</summary>
    public void Error(string what, string? next = null) => Write("error: ", "31", next is null ? what : $"{what}\n  next: {next}");

    /// <summary>Writes something that succeeded but is not as the operator probably believes.</summary>
    public void Warning(string what) => Write("WARNING: ", "1;33", what);

    /// <summary>Writes a finding of the fleet; it is the answer to a question, not a failure of this command.</summary>
    public void Finding(string severity, string text) =>
        Write($"{(severity.Length == 0 ? "finding" : Printable.Line(severity, 20))}: ", severity == "error" ? "31" : severity == "info" ? "36" : "33", text);

    /// <summary>Writes a remark that does not belong into the result on standard output.</summary>
    public void Note(string what) => error.WriteLine(Printable.Block(what));

    private void Write(string label, string colour, string text)
    {
        // Anything here is printed as it stands except the label: escape codes are ours alone.
        error.Write(colours ? $"\e[{colour}m{label}\e[0m" : label);
        error.WriteLine(Printable.Block(text));
    }
}
