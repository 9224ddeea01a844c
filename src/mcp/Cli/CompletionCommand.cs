using ConsoleAppFramework;
using Mcp.Errors;

namespace Mcp.Cli;

/// <summary>Lets a shell complete verbs and options; what it knows is read from the commands themselves.</summary>
internal sealed class CompletionCommand(CommandContext context)
{
    /// <summary>Prints a script that lets a shell complete commands and options.</summary>
    /// <param name="shell">shell: bash, zsh or fish; for bash: source &lt;(mcp completion bash)</param>
    [Command("completion")]
    public void Completion([Argument] string shell)
    {
        var script = new CompletionScript(new CommandCatalogue(Program.Verbs()));
        context.Out.Write(shell switch
        {
            "bash" => script.ForBash(),
            "zsh" => script.ForZsh(),
            "fish" => script.ForFish(),
            _ => throw new McpException(FaultCode.InvalidArgument, $"there is no completion for '{shell}'; there is for bash, zsh and fish") { Hint = "mcp completion bash" },
        });
    }
}
