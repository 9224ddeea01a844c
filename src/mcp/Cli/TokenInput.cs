using System.Text;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Cli;

/// <summary>Reads a join token: from standard input or a file, never from the command line, which every user of the machine can read.</summary>
internal static class TokenInput
{
    /// <summary>The token.</summary>
    /// <exception cref="McpException">There is none, or it is not one.</exception>
    public static JoinToken Read(CommandContext context, string? file)
    {
        string? text;
        if (file is not null && file != "-")
        {
            text = Encoding.UTF8.GetString(SecretFile.Read(file));
        }
        else
        {
            if (context.InIsTerminal)
            {
                context.Error.Write("Token: ");
                context.Error.Flush();
            }
            text = context.In.ReadLine();
        }
        return JoinToken.TryParse(text, out var token) ? token : throw new McpException(FaultCode.InvalidArgument, "that is not a join token")
        {
            Cause = string.IsNullOrWhiteSpace(text) ? "nothing was given on standard input" : "a token begins with mcpj1. and is one line",
            Hint = "an admin makes one: mcp operator add <name> (people), mcp node add <name> (nodes)",
        };
    }
}
