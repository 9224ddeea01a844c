namespace Mcp.Cli;

/// <summary>The options that every command takes, before or after its verb.</summary>
internal static class CommonOptions
{
    /// <summary>Names and descriptions.</summary>
    public static readonly IReadOnlyList<OptionShape> All =
    [
        new("--fleet", "", true, "which fleet: the configuration folder's name (default: MCP_FLEET, or 'default')", false),
        new("--socket", "", true, "talk to the role on this machine through its Unix socket (default: MCP_SOCKET)", false),
    ];

    /// <summary>Puts a value where the commands look for it.</summary>
    public static void Apply(CommandContext context, string option, string value)
    {
        if (option == "--fleet")
            context.Fleet = value;
        else
            context.Socket = value;
    }
}
