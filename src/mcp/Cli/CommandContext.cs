using Mcp.Cli.Output;

namespace Mcp.Cli;

/// <summary>
/// What a command may touch of the process around it: streams, environment, clock, and the options that every command takes. Commands
/// get it in their constructor, so a test runs them without a process.
/// </summary>
internal sealed class CommandContext : IServiceProvider
{
    /// <summary>Where results go; standard output.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Where errors, warnings, questions and progress go; standard error.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Where answers and tokens come from; standard input.</summary>
    public required TextReader In { get; init; }

    /// <summary>Standard output is a terminal: tables may have colours.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Standard error is a terminal: progress may redraw itself.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Standard input is a terminal: a question can be asked.</summary>
    public bool InIsTerminal { get; init; }

    /// <summary>The time; also makes operation ids.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Reads one environment variable; an empty one counts as absent.</summary>
    public Func<string, string?> Variable { get; init; } = _ => null;

    /// <summary><c>--fleet</c>: which configuration of this user.</summary>
    public string? Fleet { get; set; }

    /// <summary><c>--socket</c>: the Unix socket of a role on this machine, instead of the network.</summary>
    public string? Socket { get; set; }

    /// <summary>Tables, JSON and lines for <see cref="Out"/>.</summary>
    public Screen Screen => field ??= new Screen(this);

    /// <summary>Errors and warnings for <see cref="Error"/>.</summary>
    public Reporter Reporter => field ??= new Reporter(Error, ErrorIsTerminal && Colours);

    /// <summary>Colours are wanted unless <c>NO_COLOR</c> is set (no-color.org) or the terminal is dumb.</summary>
    public bool Colours => Variable("NO_COLOR") is null && Variable("TERM") is not "dumb";

    /// <summary>The context of the running process.</summary>
    public static CommandContext OfThisProcess() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        In = Console.In,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        InIsTerminal = !Console.IsInputRedirected,
        Variable = name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null,
    };

    /// <summary>ConsoleAppFramework asks for constructor arguments of the commands; this is the only one there is.</summary>
    object? IServiceProvider.GetService(Type serviceType) => serviceType == typeof(CommandContext) ? this : null;
}
