using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Cli;

/// <summary>
/// Asks before something that cannot be taken back. On a terminal a question is asked and the fleet is named, because two terminals look
/// alike; elsewhere nobody is there to answer, so the command line must have said it.
/// </summary>
internal static class Confirmation
{
    /// <summary>Passes with <c>--yes</c>, or after a "y" on a terminal.</summary>
    /// <exception cref="McpException">Refused, or nobody is there to ask.</exception>
    public static void Require(CommandContext context, string question, string fleet, bool yes, string command)
    {
        if (yes)
            return;
        if (!context.InIsTerminal || !context.ErrorIsTerminal)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"not confirmed: {question} (fleet {fleet})")
            {
                Cause = "there is no terminal to ask on",
                Hint = $"{command} --yes",
            };
        }
        context.Error.Write(Printable.Line($"Fleet {fleet}: {question} [y/N] "));
        context.Error.Flush();
        if (context.In.ReadLine()?.Trim() is not ("y" or "Y" or "yes"))
            throw new McpException(FaultCode.Aborted, "nothing was done");
    }

    /// <summary>Passes when the name was given by <c>--confirm</c>, or is typed on a terminal.</summary>
    /// <exception cref="McpException">Another name, or nobody is there to ask.</exception>
    public static string RequireName(CommandContext context, string what, string name, string fleet, string? confirm, string command)
    {
        if (confirm is null)
        {
            if (!context.InIsTerminal || !context.ErrorIsTerminal)
            {
                throw new McpException(FaultCode.FailedPrecondition, $"not confirmed: {what} (fleet {fleet})")
                {
                    Cause = "there is no terminal to type the name on",
                    Hint = $"{command} --confirm {name}",
                };
            }
            context.Error.WriteLine(Printable.Line($"Fleet {fleet}: {what}. This cannot be undone."));
            context.Error.Write($"Type the name '{name}' to go on: ");
            context.Error.Flush();
            confirm = context.In.ReadLine()?.Trim() ?? "";
        }
        return confirm == name ? name : throw new McpException(FaultCode.Aborted, $"'{Printable.Line(confirm, 80)}' is not '{name}'; nothing was done");
    }
}
