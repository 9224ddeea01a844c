using Mcp.Cli;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Cli;

/// <summary>A command line without a process: what it prints is kept, and it has a folder of its own.</summary>
internal sealed class CliBench : IDisposable
{
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();
    private readonly bool _isGuest;

    public CliBench(string input = "", bool terminal = false, IReadOnlyDictionary<string, string>? variables = null, string? home = null, TimeProvider? clock = null)
    {
        _isGuest = home is not null;
        Folder = home ?? Directory.CreateTempSubdirectory("mcp-cli-").FullName;
        Context = new CommandContext
        {
            Out = _out,
            Error = _error,
            In = new StringReader(input),
            InIsTerminal = terminal,
            ErrorIsTerminal = terminal,
            Clock = clock ?? Clock,
            Variable = name => name == "HOME" ? Folder : variables?.GetValueOrDefault(name),
        };
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero));

    public string Folder { get; }

    public CommandContext Context { get; }

    public string Out => _out.ToString();

    public string Error => _error.ToString();

    public Task<int> RunAsync(params string[] words) => new CommandLine(Program.Verbs(), Context).RunAsync(words);

    public void Dispose()
    {
        // Whoever made the folder ends it.
        if (!_isGuest)
            Directory.Delete(Folder, recursive: true);
    }
}
