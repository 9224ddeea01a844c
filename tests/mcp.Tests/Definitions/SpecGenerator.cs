using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Mcp.V1;

namespace Mcp.Tests.Definitions;

/// <summary>
/// Random specs that every rule accepts, made by walking the descriptors: each field of the message and of the messages in it must have a
/// generator in the table below, or the walk fails. A field that somebody adds to the proto is thereby a failing test until it is read, written
/// and hashed.
/// </summary>
internal sealed class SpecGenerator(int seed)
{
    private readonly Random _random = new(seed);
    private int _serial;

    /// <summary>The fields that were given a value other than their default, over the life of this generator.</summary>
    public HashSet<string> Used { get; } = [];

    public ServiceSpec Next()
    {
        _serial = 0;
        var spec = new ServiceSpec();
        Fill(spec, spec, null);
        return spec;
    }

    private void Fill(IMessage message, ServiceSpec service, ComponentSpec? component)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            var name = $"{message.Descriptor.Name}.{field.Name}";
            if (field.FieldType == FieldType.Message && field.MessageType != Duration.Descriptor)
                FillMessages(message, field, service, component);
            else if (Value(name, message, service, component) is { } value)
                Set(message, field, value);
            if (IsSet(message, field))
                Used.Add(name);
        }
    }

    private void FillMessages(IMessage message, FieldDescriptor field, ServiceSpec service, ComponentSpec? component)
    {
        if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            var count = field.MessageType == ComponentSpec.Descriptor ? _random.Next(1, 4) : _random.Next(0, 4);
            for (var i = 0; i < count; i++)
            {
                var inner = field.MessageType.Parser.ParseFrom(ByteString.Empty);
                list.Add(inner);
                Fill(inner, service, inner as ComponentSpec ?? component);
            }
        }
        else if (_random.Next(3) > 0)
        {
            var inner = field.MessageType.Parser.ParseFrom(ByteString.Empty);
            field.Accessor.SetValue(message, inner);
            Fill(inner, service, component);
        }
    }

    /// <summary>A valid value for a field, or null to leave it at its default.</summary>
    private object? Value(string field, IMessage message, ServiceSpec service, ComponentSpec? component) => field switch
    {
        "ServiceSpec.name" => "svc" + _random.Next(1000),
        "ServiceSpec.active" => Coin,
        "ServiceSpec.tier" => Pick("core", "worker"),
        "ServiceSpec.node" => Maybe("node-" + _random.Next(9)),
        "ServiceSpec.allow_host_paths" => List(() => $"/opt/{Word()}{Pick("", ":ro")}"),
        "SnapshotConfig.method" => Pick("full", "cli", "exec: dump 'all of it' --to \"/srv/x y\""),
        "SnapshotConfig.excludes" => List(() => Word() + Pick("/", "", "/*.log")),
        // Always named: left out it would be filled in, which the defaults' own test covers.
        "SnapshotConfig.component" => service.Components[_random.Next(service.Components.Count)].Name,
        "ComponentSpec.name" => "part" + ++_serial,
        "ComponentSpec.image" => Pick("registry.example.net:5000/a/b_c:v1.2", "localhost/x@sha256:" + new string('a', 64), "x:1@sha256:" + new string('0', 64)),
        "ComponentSpec.network" => Pick("", "mcpnet"),
        "ComponentSpec.user" => Pick("", "0:0", "1000", "app:app"),
        "ComponentSpec.restart" => Pick("no", "on-failure", "always", "unless-stopped"),
        "ComponentSpec.ports" => List(() => $"{Pick("127.0.0.1", "0.0.0.0", "[::1]")}:{10_000 + ++_serial}:{_random.Next(1, 65536)}{Pick("", "/udp")}"),
        "ComponentSpec.volumes" => List(() => $"/srv/{service.Name}/{Word()}:/v{++_serial}{Pick("", ":ro")}"),
        "ComponentSpec.cmd" => List(() => Hard() + ++_serial),
        "ComponentSpec.env" => List(() => $"KEY_{++_serial}={Hard().Replace("\n", "").Replace("\r", "")}"),
        "ComponentSpec.env_files" => List(() => $"/srv/{service.Name}/{Word()}.env"),
        "ComponentSpec.scratch" => List(() => "/tmp/" + Word()),
        "HealthSpec.type" => Pick("tcp", "http", "grpc", "exec"),
        "HealthSpec.port" => ((HealthSpec)message).Type == "exec" ? null : (uint)_random.Next(1, 65536),
        "HealthSpec.path" => ((HealthSpec)message).Type == "http" ? Pick("/", "/healthz?full=1") : null,
        "HealthSpec.interval" => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(_random.Next(100, 10_000))),
        "HealthSpec.timeout" => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(_random.Next(10_000, 3_600_000))),
        "HealthSpec.cmd" => ((HealthSpec)message).Type == "exec" ? new List<string> { "check", Hard() } : null,
        "RouteSpec.name" => "r" + ++_serial,
        "RouteSpec.port" => (uint)_random.Next(1, 65536),
        "RouteSpec.mode" => Pick("l4", "l7"),
        // Always a name of its own: two routes of one service may not share a hostname and listener.
        "RouteSpec.hostname" => $"h{++_serial}.example.org",
        "RouteSpec.public" => ((RouteSpec)message).Mode == "l7" ? Coin : null,
        "RouteSpec.container_port" => Coin ? (uint)_random.Next(1, 65536) : null,
        "RouteSpec.backend_tls" => Coin,
        _ => throw new InvalidOperationException(
            $"{field} has no generator. Add it here, and to DefinitionReader, SpecBuilder, DefinitionWriter, SizeRule, SpecFields and, " +
            "if a container is made of it, ContainerFields."),
    };

    private bool Coin => _random.Next(2) == 0;

    private string Pick(params string[] values) => values[_random.Next(values.Length)];

    private string? Maybe(string value) => Coin ? value : null;

    private string Word() => $"w{++_serial}";

    /// <summary>Text that breaks careless quoting.</summary>
    private string Hard() => Pick("plain", "two words", "\"quoted\"", "'single'", "back\\slash", "tab\there", "line\nfeed", "cr\r", "#hash", "é", "😀", "\u202e", "\u0001", "\u2028", "'''", "\"\"\"", "=", "[x]", "\\u0041");

    private List<string> List(Func<string> make) => [.. Enumerable.Range(0, _random.Next(0, 4)).Select(_ => make())];

    private static void Set(IMessage message, FieldDescriptor field, object value)
    {
        if (field.IsRepeated)
        {
            foreach (var item in (IEnumerable)value)
                ((IList)field.Accessor.GetValue(message)).Add(item);
        }
        else
            field.Accessor.SetValue(message, value);
    }

    private static bool IsSet(IMessage message, FieldDescriptor field) => field.Accessor.GetValue(message) switch
    {
        null or "" or 0u or false => false,
        IList list => list.Count > 0,
        _ => true,
    };
}
